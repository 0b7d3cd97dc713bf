from optkeeper import registry, settings
from optkeeper.sources import CONNECTORS


def test_every_pulled_source_is_registered_and_has_a_known_connector() -> None:
    pulled = registry.pulled_sources()
    assert pulled
    assert {source.connector for source in pulled} <= set(CONNECTORS)


def test_every_purpose_and_lead_channel_has_its_name_in_both_languages() -> None:
    named = {(row["kind"], row["code"]) for row in registry.read(settings.DBT_PROJECT / "seeds" / "code_words.csv")}
    codes = {(kind, row[kind]) for kind in ("purpose", "lead_channel") for row in registry.rows(f"{kind}s")}
    assert named == codes
