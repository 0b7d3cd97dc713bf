from optkeeper import registry, settings
from optkeeper.sources import CONNECTORS


def test_every_pulled_source_is_registered_and_has_a_known_connector() -> None:
    pulled = registry.pulled_sources()
    assert pulled
    assert {source.connector for source in pulled} <= set(CONNECTORS)


def test_every_code_that_a_list_shows_has_its_name_in_both_languages() -> None:
    seeds = settings.DBT_PROJECT / "seeds"
    words = registry.read(seeds / "code_words.csv")
    named = {(row["kind"], row["code"]) for row in words}
    shown = {(kind, row[kind]) for kind in ("purpose", "lead_channel") for row in registry.rows(f"{kind}s")}
    shown |= {("source_kind", row["kind"]) for row in registry.rows("sources")}
    shown |= {
        ("event_type", row["event_type"])
        for row in registry.read(seeds / "event_types.csv")
        if row["timed_as"] != "restriction" and row["event_type"] not in ("email_delivered", "email_opened")
    }
    shown |= {
        ("evidence", element)
        for row in registry.rows("lead_channels")
        for element in filter(None, row["required_evidence"].split("|"))
        if element not in ("publication_url", "publication_snapshot")  # of another basis than consent
    }
    assert shown <= named
    assert all(row["nl"] and row["en"] for row in words)
