"""What a run judges: whom the last publication does not hold as they are now; the rest stands as it was judged."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper.gate import GateFailed, ledger, run_gate, scope

from expectations.permissions import NoMarketableAddressIsNamedByARestriction
from tests.gate import world

Connection = psycopg.Connection[Any]


@pytest.fixture
def candidate(sound: Connection) -> Connection:
    """A candidate of which only web/2 was replaced since it was published."""
    world.build_other_bases(sound)
    sound.execute("set role pipeline")
    ledger.ensure_gate(sound)
    ledger.begin(sound, world.RUN, world.decided_for())
    world.publish_all_but(sound, "web/2")
    sound.execute("reset role")
    return sound


def judged(connection: Connection) -> list[str] | None:
    with scope.changed(connection, world.RUN) as contacts:
        if contacts is None:
            return None
        found = [row[0] for row in connection.execute("select contact_id from changed.scope order by 1")]
        assert len(found) == contacts
    return found


def test_whom_a_build_replaced_since_the_publication_is_judged(candidate: Connection) -> None:
    assert judged(candidate) == ["web/2"]
    assert candidate.execute("select contacts_judged from gate.runs where run_id = 'r1'").fetchone() == (1,)


def test_whom_an_event_is_about_that_came_since_is_judged_though_no_build_names_them(candidate: Connection) -> None:
    candidate.execute(
        "update gate.runs set records_after = (select record_id - 1 from raw.records where source_id = 's4')"
    )
    assert judged(candidate) == ["published", "web/2"]


@pytest.mark.parametrize(
    ("field", "address"), [("email", "jan.jansen+x@voorbeeld.nl"), ("phone", "+31201234567"), ("postal", "Dam 1")]
)
def test_whose_address_an_event_names_that_came_since_is_judged_whosever_it_is(
    candidate: Connection, field: str, address: str
) -> None:
    candidate.execute("update candidate.marketable_contacts set address = 'Dam 1' where contact_id = 'customer'")
    found = {"email": "web/1", "phone": "called", "postal": "customer"}[field]
    candidate.execute(
        f"insert into intermediate.int_events__received (event_key, record_id, {field})"
        " values ('x', (select records_after + 1 from gate.runs where run_id = 'r1'), %s)".encode(),
        (address,),
    )
    assert judged(candidate) == sorted([found, "web/2"])


@pytest.mark.parametrize(("refers", "found"), [("refers_to_batch", ["web/1"]), ("refers_to_event_id", ["called"])])
def test_whose_records_a_recall_that_came_since_takes_back_are_judged(
    candidate: Connection, refers: str, found: list[str]
) -> None:
    source, named = {"refers_to_batch": ("web", "b1"), "refers_to_event_id": ("shop", "s3")}[refers]
    candidate.execute(
        f"insert into intermediate.int_events__received (event_key, record_id, event_type, source, {refers})"
        " values ('x', (select records_after + 1 from gate.runs where run_id = 'r1'), 'consent_revoked', %s, %s)".encode(),
        (source, named),
    )
    assert judged(candidate) == sorted([*found, "web/2"])


@pytest.mark.parametrize(
    ("boundary", "found"),
    [
        ("2026-05-31 10:00:00+00", ["web/2"]),  # the published moment had passed it
        ("2026-05-31 10:00:01+00", ["web/1", "web/2"]),
        ("2026-06-01 10:00:00+00", ["web/1", "web/2"]),
        ("2026-06-01 10:00:01+00", ["web/2"]),
    ],
)
@pytest.mark.parametrize("bound", ["valid_from", "valid_to"])
def test_whose_timeline_has_a_boundary_between_both_moments_is_judged(
    candidate: Connection, bound: str, boundary: str, found: list[str]
) -> None:
    candidate.execute(
        f"update candidate.consent_timeline set {bound} = %s where contact_id = 'web/1'".encode(), (boundary,)
    )
    assert judged(candidate) == found


@pytest.mark.parametrize(
    "change",
    [
        "delete from intermediate.unpublished_since",  # built in full since
        "insert into marts.publications values ('r0b', clock_timestamp())",
        "alter table candidate.decisions add column other text",
        "delete from gate.runs where run_id = 'r0'",
        "update gate.runs set passed = false where run_id = 'r0'",
        "update gate.runs set passed = null where run_id = 'r0'",
        "update gate.runs set statements_version = 'other' where run_id = 'r0'",
        "update gate.runs set statements_version = null where run_id = 'r0'",
        "update gate.runs set as_of = as_of + interval '2 days' where run_id = 'r0'",
    ],
)
def test_everybody_is_judged_where_what_changed_does_not_suffice(candidate: Connection, change: str) -> None:
    candidate.execute(change.encode())
    assert judged(candidate) is None
    assert candidate.execute("select contacts_judged from gate.runs where run_id = 'r1'").fetchone() == (None,)


def test_the_copies_are_gone_however_a_run_ends(candidate: Connection) -> None:
    with pytest.raises(ConnectionError), scope.changed(candidate, world.RUN):
        raise ConnectionError("the server went away")
    assert candidate.execute("select to_regnamespace('changed')").fetchone() == (None,)


def test_what_a_killed_run_left_is_taken_away_by_the_next(candidate: Connection) -> None:
    candidate.execute("create schema changed; create table changed.scope (contact_id text)")
    assert judged(candidate) == ["web/2"]
    candidate.execute("create schema changed; delete from intermediate.unpublished_since")
    assert judged(candidate) is None
    assert candidate.execute("select to_regnamespace('changed')").fetchone() == (None,)


def test_a_restriction_of_whoever_shares_the_address_is_found(candidate: Connection) -> None:
    candidate.execute(
        "update candidate.contact_points set address = 'p+nieuws@voorbeeld.nl' where contact_id = 'web/1';"
        "update candidate.marketable_contacts set address = 'p@voorbeeld.nl' where contact_id = 'web/2';"
        "update candidate.consent_events set event_type = 'objection_raised', occurred_at = '2026-05-01 10:00+00',"
        " received_at = '2026-05-01 10:00+00'"
        " where event_key = 'web/1';"
        "update intermediate.int_events__received set email = 'p+nieuws@voorbeeld.nl', event_type = 'objection_raised'"
        " where event_key = 'web/1'"
    )
    with scope.changed(candidate, world.RUN):
        found = candidate.execute(NoMarketableAddressIsNamedByARestriction.sql(changed=True).encode()).fetchall()
    assert [(row[0], row[-1]) for row in found] == [("web/2", "web/1")]


def test_what_restricts_by_address_is_read_as_the_statement_names_it() -> None:
    def named(query: str) -> set[str]:
        return set(re.findall(r"'(\w+)'", query.partition("event_type in (")[2].partition(")")[0]))

    assert named(scope._COPIES) == named(NoMarketableAddressIsNamedByARestriction.sql())
    assert "objection_raised" in named(scope._COPIES)


def test_a_run_tells_that_it_judged_what_changed_and_on_what_statements_did_not(
    candidate: Connection, warehouse_url: str, tmp_path: Path
) -> None:
    spoil = "update candidate.contact_points set is_usable = {} where contact_id in ({})"
    candidate.execute(spoil.format("false", "'web/1'").encode())
    # what the last build that passed did not know is about its contacts
    candidate.execute("update gate.runs set records_known = (select max(record_id) from raw.records), passed = true")
    report = run_gate(warehouse_url, run_id="r1", as_of=world.decided_for(), docs_folder=tmp_path)
    assert report.contacts == 1
    assert "; of contacts, the 1 that changed since the publication" in report.described()
    page = report.docs.read_text()
    assert "for those who changed since the publication: 1." in page
    assert ">candidate.marketable_contacts</a>, what changed<" in page
    candidate.execute(spoil.format("false", "'web/2'").encode())
    with pytest.raises(GateFailed, match=r"EveryMarketableAddressIsUsable: 1 violation \(contact_id web/2,"):
        run_gate(warehouse_url, run_id="r1", as_of=world.decided_for(), docs_folder=tmp_path)
    # a day decides of everybody
    candidate.execute(spoil.format("true", "'web/2'").encode())
    candidate.execute("update candidate.marketable_contacts set expires_on = '2026-05-31' where contact_id = 'web/1'")
    with pytest.raises(GateFailed, match="NobodyMarketableHasExpired: 1 violation"):
        run_gate(warehouse_url, run_id="r1", as_of=world.decided_for(), docs_folder=tmp_path)
