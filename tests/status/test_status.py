"""`optkeeper status` on the worked examples: what a reader is told, and that every reason has words."""

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from optkeeper import cli, settings, transform
from optkeeper.status import another_world
from optkeeper.status.words import LANGUAGES, Words
from optkeeper.warehouse import database

from tests.scenarios.published import publish as published_examples

Told = Callable[..., str]
AS_OF = datetime(2025, 6, 1, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def published(server: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with the worked examples, its candidate marts taken as published."""
    return published_examples(server, "status", tmp_path_factory.mktemp("status"), AS_OF)


@pytest.fixture
def told(published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_URL", published)

    def run(*arguments: str) -> str:
        assert cli.main(["status", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_a_yes_is_told_with_basis_evidence_and_last_day(told: Told) -> None:
    text = told("anna@soft-opt-in.example", "--purpose", "product_news")
    assert text.startswith("As of 2025-06-01 12:00, with what was known at ")
    assert "YES  noord · e-mail · product_news  (SoftOptInActive, ok)" in text
    assert re.search(r"until and including: +2027-01-10\n", text)
    assert re.search(r"basis: +existing customer\n", text)
    assert "sale_completed 2025-01-10 10:00, shop/soft-opt-in-1" in text
    assert "bought a similar product" in text
    assert "2025-01-10 – 2027-01-11 SoftOptInActive, ok" in text


def test_a_no_is_told_with_what_would_turn_it_into_a_yes(told: Told) -> None:
    text = told(" ANNA@vendor-after-withdrawal.example ", "--purpose", "newsletter", "--brand", "noord", "--lang", "nl")
    assert "NEE  noord · e-mail · newsletter  (ConsentWithdrawn, withdrawn)" in text
    assert "vanwege" in text
    assert "esp/vendor-after-withdrawal-2" in text
    assert "Alleen een latere eigen toestemming" in text


def test_the_text_of_a_consent_is_named(told: Told) -> None:
    assert "text noord-news-v2" in told("anna@own-form-after-withdrawal.example", "--purpose", "newsletter")


@pytest.mark.parametrize("address", ["nobody@unknown.example", "+31201234599", "0" * 32])
def test_an_unknown_address_says_so(told: Told, address: str) -> None:
    assert told(address) == LANGUAGES["en"].unknown + "\n"


def test_a_known_address_without_any_basis_is_not_called_unknown(told: Told) -> None:
    english = LANGUAGES["en"]
    assert told("info@role-address.example") == f"{english.undocumented}\n{english.why['role_address']}\n"


def test_an_address_that_cannot_be_read_is_refused_without_naming_it(
    published: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_URL", published)
    assert cli.main(["status", "jan jansen"]) == 1
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "jansen" not in written


def test_a_shared_address_says_how_many_carry_it(told: Told) -> None:
    assert re.search(r"^\d+ contacts carry this address", told("familie@gezin.example"))


def test_a_retired_contact_id_answers_for_the_contact_that_it_has_joined(told: Told, published: str) -> None:
    with database.connect(published) as connection:
        row = connection.execute(
            "select contact_id from marts.contact_points where address = 'anna@soft-opt-in.example'"
        ).fetchone()
        assert row is not None
        connection.execute(
            "insert into marts.contact_redirects values (%s, %s, '2025-05-01 10:00+02')", ("f" * 32, row[0])
        )
    text = told("f" * 32, "--purpose", "product_news")
    assert text.startswith(f"Contact {'f' * 32} has been part of {row[0]} since 2025-05-01.")
    assert "Address: anna@soft-opt-in.example\n" in text
    assert "YES  noord · e-mail · product_news  (SoftOptInActive, ok)" in text


def test_json_holds_one_decision_a_line(told: Told) -> None:
    rows = [json.loads(line) for line in told("anna@soft-opt-in.example", "--json").splitlines()]
    assert {(row["purpose"], row["marketable"], row["basis"]) for row in rows} == {
        ("events", False, None), ("newsletter", True, "soft_opt_in"), ("product_news", True, "soft_opt_in"),
    }  # fmt: skip
    assert all(row["timeline"] for row in rows)


def test_another_state_of_knowledge_is_built_for_the_address_and_leaves_nothing(told: Told, published: str) -> None:
    scope = ("--purpose", "newsletter", "--brand", "noord", "--json")
    moment = ("--as-of", "2025-02-01", "--known-at", "2025-02-01")
    with database.connect(published) as another:
        # one question is being answered, and another was killed
        another.execute("create schema asked_1_registry")
        another.execute("create schema asked_2_registry")
        another.execute("select pg_advisory_lock(%s, 1)", (another_world._PLACES_LOCK,))
        (then,) = map(json.loads, told("anna@vendor-after-withdrawal.example", *scope, *moment).splitlines())
        left = another.execute(
            "select schema_name from information_schema.schemata where schema_name like 'asked%'"
        ).fetchall()
    (later,) = map(json.loads, told("anna@vendor-after-withdrawal.example", *scope).splitlines())
    assert (then["marketable"], then["evidence"]["event_id"]) == (True, "web/vendor-after-withdrawal-1")
    assert (later["marketable"], later["reason"]) == (False, "withdrawn")
    assert left == [("asked_1_registry",)]


def test_another_moment_is_looked_up_without_dbt_and_equals_the_world_built_for_it(
    told: Told, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("familie@gezin.example", "--as-of", "2025-01-20T12:00", "--json")
    with monkeypatch.context() as without_dbt:
        without_dbt.setattr(transform, "run", Mock(side_effect=AssertionError))
        looked_up = told(*asked)
    with database.connect(published) as connection:
        # the timeline of another run than the published one is not looked up in
        connection.execute("update intermediate.completed_builds set run_id = 'run-2'")
        built = told(*asked)
        connection.execute("update intermediate.completed_builds set run_id = 'run-1'")
    assert looked_up == built != told("familie@gezin.example", "--json")


def _reasons_of_the_interface() -> set[str]:
    with (settings.DBT_PROJECT / "seeds" / "reasons.csv").open() as lines:
        ending = {row["reason"] for row in csv.DictReader(lines)}
    models = "".join(
        path.read_text()
        for folder in ("permissions", "timeline", "decisions")
        for path in (settings.DBT_PROJECT / "models" / folder).glob("*.sql")
    )
    return ending | set(re.findall(r"then '([a-z_]+)'", models)) - {"natural_person", "ok"}


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_every_reason_that_the_models_give_has_words(words: Words) -> None:
    assert _reasons_of_the_interface() <= set(words.why) == set(words.remedy)
    assert set(words.bases) == set(words.grounds)
