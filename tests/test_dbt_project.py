"""The dbt project itself: read without deprecations, its unit tests, and a build from nothing to the candidate marts."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import daily, settings, transform
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.warehouse import database, embedded, readers
from optkeeper.warehouse.unpublished import tables

Connection = psycopg.Connection[Any]
AS_OF = datetime(2025, 6, 1, 10, tzinfo=UTC)
SCENARIOS = Path(__file__).parent / "scenarios"
ANALYSTS_PAGE = Path(__file__).parents[1] / "docs" / "analyst.md"
QUESTIONS = re.findall(r"```sql\n(.*?)```", ANALYSTS_PAGE.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def built(server: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse in which the events of the worked examples were landed and built."""
    from itertools import groupby

    from tests.scenarios import expand

    work = tmp_path_factory.mktemp("built")
    expand.write(work, sorted(SCENARIOS.glob("*.yaml")))
    address = embedded.url("built", server)
    with database.connect(address) as connection:
        database.ensure_raw(connection)
        with (work / "events.jsonl").open("rb") as lines:
            events: list[Any] = sorted(
                read_events(lines, "events.jsonl"), key=lambda event: str(event.payload["source"])
            )
        for source, records in groupby(events, key=lambda event: str(event.payload["source"])):
            Landing(connection, source, honour_received_at=True).land(records)
    address = database.as_login(address, database.PIPELINE)
    transform.build("run-1", AS_OF, address=address, work_folder=work)
    with database.connect(address) as connection:
        readers.grant(connection, "candidate")
    return address


def test_dbt_reads_the_project_without_any_deprecation(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "dbt"), "parse", "--no-partial-parse", "--show-all-deprecations",
        "--project-dir", str(settings.DBT_PROJECT), "--profiles-dir", str(settings.DBT_PROJECT),
        "--target-path", str(tmp_path), "--log-path", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={"OPTKEEPER_DB_HOST": "localhost", "PATH": ""})
    assert done.returncode == 0, done.stdout
    assert "Deprecat" not in done.stdout, done.stdout


def test_every_policy_edge_of_the_unit_tests_holds(built: str, tmp_path: Path) -> None:
    counts = transform.run(
        ["test", "--select", "test_type:unit"],
        address=built,
        work_folder=tmp_path,
    )
    assert counts.succeeded >= 5


def test_every_model_says_its_grain_and_every_column_of_a_mart_is_described(built: str, tmp_path: Path) -> None:
    import json

    transform.run(["parse"], address=built, work_folder=tmp_path)
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert [node["name"] for node in models if "rain is" not in node["description"]] == []
    undescribed = [
        f"{node['name']}.{column['name']}"
        for node in models
        if "/marts/" in node["original_file_path"]
        for column in node["columns"].values()
        if not column["description"]
    ]
    assert undescribed == []


def test_the_candidate_says_why_on_which_evidence_and_until_when(built: str) -> None:
    with database.connect(built) as connection:
        rows = connection.execute(
            "select m.address, m.basis, m.evidence_id, m.expires_on::text, r.digest = decode(e.payload_digest, 'hex')"
            " from candidate.marketable_contacts m"
            " join candidate.consent_events e on e.event_key = m.evidence_id"
            " join raw.records r on r.record_id = m.evidence_record_id"
            " where m.address like '%@hard-bounce.example' or m.address like '%@own-form-after-withdrawal.example'"
            " order by 1"
        ).fetchall()
    assert rows == [
        ("anna@hard-bounce.example", "consent", "web/hard-bounce-1", "2027-05-01", True),
        ("anna@hard-bounce.example", "consent", "web/hard-bounce-1", "2027-05-01", True),
        ("anna@own-form-after-withdrawal.example", "consent", "web/own-form-after-withdrawal-3", "2027-05-01", True),
    ]


def test_the_timeline_never_overlaps_and_agrees_with_the_decisions(built: str) -> None:
    with database.connect(built) as connection:
        overlapping = connection.execute(
            "select count(*) from candidate.consent_timeline a join candidate.consent_timeline b"
            " using (contact_id, address, channel, purpose, brand, basis)"
            " where a.valid_from < b.valid_from and coalesce(a.valid_to, 'infinity') > b.valid_from"
        ).fetchone()
        disagreeing = connection.execute(
            "select count(*) from candidate.marketable_contacts m full join"
            " (select distinct on (contact_id, address, channel, purpose, brand) timeline.*"
            "  from candidate.consent_timeline as timeline join registry.bases using (basis)"
            "  where reason = 'ok' and valid_from <= %(as_of)s and coalesce(valid_to, 'infinity') > %(as_of)s"
            "  order by contact_id, address, channel, purpose, brand, basis_rank) t"
            " using (contact_id, address, channel, purpose, brand)"
            " where m.evidence_id is distinct from t.evidence_id or m.basis is distinct from t.basis",
            {"as_of": AS_OF},
        ).fetchone()
    assert (overlapping, disagreeing) == ((0,), (0,))


def test_nobody_is_both_marketable_and_suppressed(built: str) -> None:
    with database.connect(built) as connection:
        row = connection.execute(
            "select count(*), (select count(*) from candidate.suppressions) > 0 from candidate.marketable_contacts"
            " join candidate.suppressions using (contact_id, address, channel, purpose, brand)"
        ).fetchone()
    assert row == (0, True)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_analysts_worked_question_runs_and_has_an_answer(built: str, question: str) -> None:
    with database.connect(database.as_login(built, "analyst")) as analyst:
        assert analyst.execute(question.replace("marts.", "candidate.").encode()).fetchall()


def test_every_mart_says_what_an_analyst_reads_of_it_and_none_is_named_that_is_not(built: str) -> None:
    with database.connect(built) as connection:
        named = {row[0] for row in connection.execute("select relation from registry.mart_readers").fetchall()}
        analysts = connection.execute("select relation from registry.mart_readers where login = 'analyst'").fetchall()
        marts = set(tables(connection)) | {"publications"}
    assert named == {row[0] for row in analysts} == marts


def test_what_an_analyst_reads_of_all_marts_holds_no_address_and_no_name(built: str) -> None:
    with database.connect(built) as connection:
        known = {
            value
            for row in connection.execute(
                "select points.address, first_name, last_name from candidate.contact_points as points"
                " left join intermediate.int_contacts__attributes using (contact_id)"
            ).fetchall()
            for value in row
            if value
        }
    with database.connect(database.as_login(built, "analyst")) as analyst:
        shown = analyst.execute(
            "select table_name from information_schema.tables where table_schema = 'analyst'"
        ).fetchall()
        read = {
            str(value)
            for (view,) in shown
            for row in analyst.execute(f"select * from analyst.{view}".encode()).fetchall()
            for value in row
        }
    assert len(known) > 50
    assert len(read) > 200
    assert not known & read


def test_every_mart_has_its_descriptions_in_the_database(built: str) -> None:
    with database.connect(built) as connection:
        rows = connection.execute(
            "select relname, attname from pg_class inner join pg_attribute on attrelid = pg_class.oid and attnum > 0"
            " where relnamespace = 'candidate'::regnamespace and relkind = 'r'"
            " and (obj_description(pg_class.oid) is null or col_description(pg_class.oid, attnum) is null)"
        ).fetchall()
    assert rows == []


def test_the_readers_page_speaks_of_the_marts_as_published(built: str, tmp_path: Path) -> None:
    page = transform.document(tmp_path / "docs", address=built).read_text()
    assert "may it be used, on which basis" in page
    assert '\\"marts\\".\\"decisions\\"' in page
    assert '\\"candidate\\".\\"decisions\\"' not in page


@pytest.mark.parametrize(
    "relation",
    [*(f"intermediate.{name}" for name in daily.BY_CONTACT), *(f"candidate.{name}" for name in daily.MARTS_BY_CONTACT)],
)
def test_the_rows_of_a_contact_lie_together_for_those_who_replace_them(built: str, relation: str) -> None:
    with database.connect(built) as connection:
        row = connection.execute(
            "select count(*) filter (where contact_id is distinct from before), count(distinct contact_id)"
            f" from (select contact_id, lag(contact_id) over (order by ctid) as before from {relation}) as rows".encode()
        ).fetchone()
    assert row is not None
    places, contacts = row
    # the server puts a row that is too long for the page at hand elsewhere
    assert 0 < contacts <= places <= 1.1 * contacts


def test_building_again_gives_identical_rows(built: str, tmp_path: Path) -> None:
    query = "select md5(string_agg(t::text, '|' order by t::text)) from candidate.{} t"
    marts = ("contacts", "contact_points", "consent_events", "consent_timeline", "marketable_contacts", "suppressions")
    with database.connect(built) as connection:
        before = [connection.execute(query.format(mart).encode()).fetchone() for mart in marts]
        transform.build("run-2", AS_OF, address=built, work_folder=tmp_path)
        after = [connection.execute(query.format(mart).encode()).fetchone() for mart in marts]
    assert before == after


@pytest.mark.parametrize(
    ("basis", "change"),
    [
        ("consent", "evidence_type = 'notice_given'"),
        ("soft_opt_in", "order_id = null"),
        ("soft_opt_in", "evidence_type = 'consent_given'"),
        ("legitimate_interest", "lia_ref = null"),
        ("legitimate_interest", "evidence_type = 'contact_upserted'"),
        ("published_address", "publication_snapshot = null"),
    ],
)
def test_the_database_refuses_a_basis_without_its_evidence(built: str, basis: str, change: str) -> None:
    with database.connect(built) as connection:
        row = connection.execute(
            "select count(*) from candidate.marketable_contacts where basis = %s", (basis,)
        ).fetchone()
        assert row is not None
        assert row[0] > 0
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"update candidate.marketable_contacts set {change} where basis = '{basis}'".encode())
