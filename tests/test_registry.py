import shutil
from pathlib import Path

import pytest
from optkeeper import registry, settings
from optkeeper.landing import addresses
from optkeeper.sources import CONNECTORS, hubspot


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


def test_a_row_that_is_added_while_the_process_lives_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "registry"
    shutil.copytree(settings.DBT_PROJECT / "seeds" / "registry", own)
    shutil.copy(settings.DBT_PROJECT / "seeds" / "policy" / "policy.csv", own)
    monkeypatch.setattr(settings, "registry_folders", lambda: (own,))
    asked, country = hubspot.properties(), addresses.default_country()
    with (own / "hubspot_properties.csv").open("a") as file:
        file.write("wants_no_newsletter,true\n")
    policy = (own / "policy.csv").read_text()
    (own / "policy.csv").write_text(policy.replace(f"default_country,*,*,{country},", "default_country,*,*,LU,"))
    assert hubspot.properties() == (*asked, hubspot.Property("wants_no_newsletter", has_history=True))
    assert addresses.default_country() == "LU" != country
