from typing import Any

import psycopg
import pytest
from optkeeper.warehouse import restored
from optkeeper.warehouse.publish import PublicationRefused, publish
from optkeeper.warehouse.stamp import stamp

Connection = psycopg.Connection[Any]

_CANDIDATE = """
create schema candidate; create schema gate; create schema intermediate;
create table intermediate.completed_builds (run_id text primary key, completed_at timestamptz);
create table gate.results (run_id text, severity text, passed boolean);
create table gate.runs (run_id text, candidate_stamp text);
create table candidate.builds (
    run_id text primary key, as_of timestamptz, decided_on date, known_at timestamptz, policy_version text
);
create table candidate.consent_events (event_key text primary key, kind text);
create table candidate.marketable_contacts (
    contact_id text primary key, evidence_id text not null constraint proven references candidate.consent_events
);
"""


def _candidate(connection: Connection, run_id: str, contacts: dict[str, str], passed: bool = True) -> None:
    connection.execute("truncate candidate.builds, candidate.marketable_contacts, candidate.consent_events")
    connection.execute("insert into candidate.builds values (%s, now(), current_date, now(), 'v1')", (run_id,))
    connection.execute("insert into intermediate.completed_builds values (%s, now())", (run_id,))
    connection.execute("insert into gate.results values (%s, 'critical', %s)", (run_id, passed))
    for evidence in sorted(set(contacts.values())):
        connection.execute("insert into candidate.consent_events values (%s, 'given')", (evidence,))
    for contact, evidence in contacts.items():
        connection.execute("insert into candidate.marketable_contacts values (%s, %s)", (contact, evidence))
    connection.execute("delete from gate.runs")
    connection.execute("insert into gate.runs values (%s, %s)", (run_id, stamp(connection)))


@pytest.fixture
def candidate(warehouse: Connection) -> Connection:
    warehouse.execute(_CANDIDATE)
    return warehouse


def _published(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("select contact_id, evidence_id from marts.marketable_contacts order by 1").fetchall()


def test_what_passed_is_published_and_what_vanished_is_gone(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1", "b": "web/2"})
    publish(candidate, "r1")
    _candidate(candidate, "r2", {"b": "web/3", "c": "web/3"})
    publish(candidate, "r2")
    assert _published(candidate) == [("b", "web/3"), ("c", "web/3")]
    assert candidate.execute("select run_id from marts.publications order by 1").fetchall() == [("r1",), ("r2",)]


def test_publishing_the_same_run_again_changes_nothing(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    again = publish(candidate, "r1")
    assert (again.rows_deleted, again.rows_written) == (0, 0)


def test_a_run_that_the_gate_stopped_leaves_what_stood(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    _candidate(candidate, "r2", {"b": "web/2"}, passed=False)
    with pytest.raises(PublicationRefused, match="the gate has not passed"):
        publish(candidate, "r2")
    assert _published(candidate) == [("a", "web/1")]


def test_a_run_without_any_gate_result_is_refused(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    candidate.execute("delete from gate.results")
    with pytest.raises(PublicationRefused, match="the gate has not passed"):
        publish(candidate, "r1")


def test_a_build_that_did_not_reach_its_end_is_refused(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    candidate.execute("delete from intermediate.completed_builds")
    with pytest.raises(PublicationRefused, match="did not reach its end"):
        publish(candidate, "r1")


@pytest.mark.parametrize(
    "change",
    [
        "insert into candidate.marketable_contacts values ('put in between', 'web/1')",
        "update candidate.consent_events set kind = 'withdrawn'",
        "delete from candidate.marketable_contacts where contact_id = 'b'",
        "update candidate.builds set known_at = now() + interval '1 second'",
        "update candidate.marketable_contacts set contact_id = contact_id || '!'",
        "delete from gate.runs",
        "update gate.runs set candidate_stamp = null",
    ],
)
def test_what_was_changed_since_it_was_judged_is_refused(change: str, candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    _candidate(candidate, "r2", {"b": "web/1", "c": "web/1"})
    candidate.execute(change.encode())
    with pytest.raises(PublicationRefused, match="not those that the gate judged"):
        publish(candidate, "r2")
    assert _published(candidate) == [("a", "web/1")]


def test_an_older_run_never_publishes_a_newer_candidate(candidate: Connection) -> None:
    _candidate(candidate, "r2", {"a": "web/1"})
    with pytest.raises(PublicationRefused, match="are of run r2"):
        publish(candidate, "r1")


def test_the_published_table_itself_refuses_a_row_without_evidence(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        candidate.execute("insert into marts.marketable_contacts values ('x', 'web/none')")
    with pytest.raises(psycopg.errors.NotNullViolation):
        candidate.execute("insert into marts.marketable_contacts values ('x', null)")


def test_a_reader_sees_all_of_the_old_until_all_of_the_new(candidate: Connection, warehouse_url: str) -> None:
    _candidate(candidate, "r1", {"a": "web/1", "b": "web/1"})
    publish(candidate, "r1")
    _candidate(candidate, "r2", {"c": "web/2", "d": "web/2"})
    with psycopg.connect(warehouse_url) as reader:
        with candidate.transaction(force_rollback=True):
            publish(candidate, "r2")
            seen_during = reader.execute("select contact_id from marts.marketable_contacts order by 1").fetchall()
        reader.rollback()
        publish(candidate, "r2")
        seen_after = reader.execute("select contact_id from marts.marketable_contacts order by 1").fetchall()
    assert (seen_during, seen_after) == ([("a",), ("b",)], [("c",), ("d",)])


def test_grants_and_views_of_readers_outlive_a_publication(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    candidate.execute(
        "create schema reports; create view reports.reach as select count(*) from marts.marketable_contacts"
    )
    _candidate(candidate, "r2", {"b": "web/2", "c": "web/2"})
    publish(candidate, "r2")
    assert candidate.execute("select * from reports.reach").fetchone() == (2,)


def test_a_day_that_brings_nothing_writes_no_row_and_is_shown_all_the_same(candidate: Connection) -> None:
    candidate.execute(
        "alter table candidate.marketable_contacts add column expires_on date, add column decided_on date,"
        " add column days_left integer, add constraint not_expired check (expires_on >= decided_on)"
    )
    shown = []
    for run_id, day in (("r1", "2026-12-01"), ("r2", "2026-12-02")):
        _candidate(candidate, run_id, {"a": "web/1"})
        candidate.execute("update candidate.builds set decided_on = %s", (day,))
        candidate.execute(
            "update candidate.marketable_contacts set expires_on = '2026-12-10', decided_on = builds.decided_on,"
            " days_left = date '2026-12-10' - builds.decided_on from candidate.builds"
        )
        candidate.execute("update gate.runs set candidate_stamp = %s", (stamp(candidate),))
        counts = publish(candidate, run_id)
        shown += candidate.execute("select decided_on::text, days_left from marts.marketable_contacts").fetchall()
    assert shown == [("2026-12-01", 9), ("2026-12-02", 8)]
    assert counts.rows_written == 1  # the build's own
    stored = candidate.execute("select * from published.marketable_contacts")
    assert [column.name for column in stored.description or ()] == ["contact_id", "evidence_id", "expires_on"]


def test_a_date_that_is_not_the_builds_is_refused(candidate: Connection) -> None:
    candidate.execute("alter table candidate.marketable_contacts add column decided_on date")
    _candidate(candidate, "r1", {"a": "web/1"})
    candidate.execute("update candidate.marketable_contacts set decided_on = current_date - 1")
    candidate.execute("update gate.runs set candidate_stamp = %s", (stamp(candidate),))
    with pytest.raises(PublicationRefused, match="mart marketable_contacts: decided_on is not what"):
        publish(candidate, "r1")


def test_the_tables_of_an_older_version_give_way_to_views(candidate: Connection) -> None:
    candidate.execute("create schema marts; create table marts.marketable_contacts (contact_id text, evidence_id text)")
    candidate.execute("insert into marts.marketable_contacts values ('old', 'web/0')")
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    assert _published(candidate) == [("a", "web/1")]


def test_a_changed_contract_makes_the_published_table_anew(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    candidate.execute("alter table candidate.marketable_contacts add column basis text")
    _candidate(candidate, "r2", {"a": "web/1"})
    publish(candidate, "r2")
    assert candidate.execute("select contact_id, basis from marts.marketable_contacts").fetchall() == [("a", None)]


def test_a_new_index_is_published_and_stays(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    publish(candidate, "r1")
    candidate.execute("create index on candidate.marketable_contacts (evidence_id)")
    candidate.execute("alter table candidate.marketable_contacts add unique (contact_id, evidence_id)")
    shapes = []
    for run_id in ("r2", "r3"):
        _candidate(candidate, run_id, {"a": "web/1"})
        publish(candidate, run_id)
        shapes += candidate.execute(
            "select indexrelid, indisprimary, indisunique, substring(pg_get_indexdef(indexrelid) from '\\(.*')"
            " from pg_index where indrelid = 'published.marketable_contacts'::regclass order by indexrelid"
        ).fetchall()
    assert [shape[1:] for shape in shapes[:3]] == [
        (True, True, "(contact_id)"), (False, False, "(evidence_id)"), (False, True, "(contact_id, evidence_id)")
    ]  # fmt: skip
    assert shapes[:3] == shapes[3:]  # the second found nothing to make anew


def test_the_descriptions_of_a_mart_are_published_and_follow_its_contract(candidate: Connection) -> None:
    _candidate(candidate, "r1", {"a": "web/1"})
    candidate.execute("comment on table candidate.marketable_contacts is 'Who may be used.'")
    candidate.execute("comment on column candidate.marketable_contacts.evidence_id is 'What proves it.'")
    publish(candidate, "r1")
    candidate.execute("comment on column candidate.marketable_contacts.evidence_id is 'What proves that.'")
    _candidate(candidate, "r2", {"a": "web/1"})
    publish(candidate, "r2")
    assert candidate.execute(
        "select obj_description('marts.marketable_contacts'::regclass), col_description('marts.marketable_contacts'::regclass, 2)"
    ).fetchone() == ("Who may be used.", "What proves that.")


def test_the_reach_of_a_day_is_kept_and_the_last_publication_of_that_day_counts(candidate: Connection) -> None:
    candidate.execute(
        "create table candidate.reach_daily (day date, channel text, purpose text, brand text, reachable integer,"
        " due integer, expired integer, primary key (day, channel, purpose, brand))"
    )
    for run, day, reachable in (("r1", "2026-05-31", 5), ("r2", "2026-06-01", 4), ("r3", "2026-06-01", 3)):
        _candidate(candidate, run, {"a": "web/1"})
        candidate.execute("update candidate.builds set decided_on = %s", (day,))
        candidate.execute("truncate candidate.reach_daily")
        candidate.execute(
            "insert into candidate.reach_daily select day, channel, purpose, brand, reachable, due, expired"
            " from raw.published_reach where day <> %s",
            (day,),
        )
        candidate.execute(
            "insert into candidate.reach_daily values (%s, 'email', 'newsletter', 'noord', %s, 1, 0)", (day, reachable)
        )
        candidate.execute("update gate.runs set candidate_stamp = %s", (stamp(candidate),))
        publish(candidate, run)
    kept = candidate.execute("select day::text, reachable from raw.published_reach order by day").fetchall()
    assert kept == [("2026-05-31", 5), ("2026-06-01", 3)]
    assert kept == candidate.execute("select day::text, reachable from marts.reach_daily order by day").fetchall()


def test_a_build_from_before_a_restore_is_not_published(candidate: Connection, owner: Connection) -> None:
    """Its gate passed on a base that does not know who has opted out since the backup."""
    _candidate(candidate, "r1", {"a": "web/1"})
    restored.mark(owner)
    with pytest.raises(PublicationRefused, match="was restored at .* after this build"):
        publish(candidate, "r1")
    _candidate(candidate, "r2", {"a": "web/1"})
    publish(candidate, "r2")
    assert _published(candidate) == [("a", "web/1")]
