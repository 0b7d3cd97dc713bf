import gc
from typing import Any

import psutil
import psycopg
import pytest
from optkeeper import steps
from optkeeper.gate import GateFailed, accept_volume, ensure_gate, ledger
from optkeeper.warehouse import database

from tests.gate.conftest import Judge

Connection = psycopg.Connection[Any]


def _count(connection: Connection, total: int) -> None:
    connection.execute(
        "insert into raw.populations values ('crm', 'hubspot.contacts', clock_timestamp(), %s)", (total,)
    )


def _publish(connection: Connection) -> None:
    connection.execute(
        "set role pipeline; create schema if not exists marts; drop table if exists marts.publications;"
        "create table marts.publications as select clock_timestamp() as published_at;"
        "drop table if exists marts.marketable_contacts;"
        "create table marts.marketable_contacts as select * from candidate.marketable_contacts;"
        "reset role"
    )


def test_a_pass_makes_todays_volume_what_tomorrow_is_compared_with(sound: Connection, judge: Judge) -> None:
    judge("r1")
    _count(sound, 750)
    judge("r2")
    _count(sound, 563)
    judge("r3")
    totals = sound.execute("select total, run_id from gate.accepted_volumes order by accepted_id").fetchall()
    assert totals == [(1000, "r1"), (750, "r2"), (563, "r3")]


def test_a_drop_stops_every_run_until_a_person_accepts_it_once(sound: Connection, judge: Judge) -> None:
    judge("r1")
    _count(sound, 700)
    for run_id in ("r2", "r3"):
        with pytest.raises(GateFailed, match="NoSourceShrankMoreThanItsRegistryRowAllows: 1 violation .source crm"):
            judge(run_id)
    assert accept_volume(sound, "crm", "p.officer") == 1
    judge("r4")
    _count(sound, 490)
    with pytest.raises(GateFailed, match="total 490, accepted_total 700"):
        judge("r5")


def test_what_a_pull_counts_while_the_gate_runs_is_not_accepted_unseen(sound: Connection, judge: Judge) -> None:
    judge("r1")
    sound.execute(
        "insert into raw.populations values ('crm', 'hubspot.contacts', clock_timestamp() + interval '1 hour', 1)"
    )
    judge("r2")
    assert sound.execute("select total from gate.accepted_volumes").fetchall() == [(1000,)]


@pytest.mark.usefixtures("sound")
def test_judging_leaves_no_connection_open(judge: Judge) -> None:
    gc.collect()
    gc.disable()  # what only a collection would close stays open for as long as nothing is collected
    try:
        before = _sockets()
        judge("r1")
        judge("r2")
        assert _sockets() == before
    finally:
        gc.enable()


def _sockets() -> int:
    """How many this process holds: the server ends its side a little later, and has workers of its own besides."""
    return len(psutil.Process().net_connections(kind="all"))


def test_an_empty_list_never_replaces_one_that_is_not(sound: Connection, judge: Judge) -> None:
    judge("r1")
    _publish(sound)
    sound.execute("delete from candidate.marketable_contacts")
    sound.execute("delete from candidate.decisions where marketable")
    sound.execute("delete from candidate.renewal_due")
    with pytest.raises(
        GateFailed, match=r"relation marketable_contacts, candidate_rows 0, accepted_rows 2, max_drop_percent 30"
    ):
        judge("r2")
    assert accept_volume(sound, "marts.marketable_contacts", "p.officer") == 1
    judge("r3")


def test_a_person_who_is_asked_accepts_what_shrank_in_their_own_name(
    sound: Connection, judge: Judge, monkeypatch: pytest.MonkeyPatch, warehouse_url: str
) -> None:
    original = database.connect
    monkeypatch.setattr(database, "connect", lambda url=None: original(url or warehouse_url))
    judge("r1")
    _publish(sound)
    _count(sound, 600)
    sound.execute("delete from candidate.marketable_contacts")
    sound.execute("delete from candidate.decisions where marketable")
    sound.execute("delete from candidate.renewal_due")
    with pytest.raises(GateFailed):
        judge("r2")
    found = steps.shrunk("r2")
    assert found == steps.shrunk()
    assert ledger.shrunk(sound, "r1") == {}
    assert [one["name"] for one in found] == ["marts.marketable_contacts", "crm"]
    assert "object hubspot.contacts, source crm: 600 where 1,000 were, 40% fewer; limit 30%" in found[1]["told"]
    person = {"id": "7", "name": "p.officer"}
    stays = {"chosen_options": ["Keep stopped"], "responded_by_user": person}
    unanswered = {"chosen_options": ["Accept"], "responded_by_user": None}
    assert steps.accept_shrunk(found, [stays, unanswered], accept="Accept") == {"accepted": []}
    accepted = {"chosen_options": ["Accept"], "responded_by_user": person}
    assert steps.accept_shrunk(found, [stays, accepted], accept="Accept") == {"accepted": ["crm"]}
    by = sound.execute("select source, total, accepted_by from gate.accepted_volumes where run_id is null").fetchall()
    assert by == [("crm", 600, "p.officer")]


def test_nothing_is_accepted_in_nobodys_name(sound: Connection) -> None:
    with pytest.raises(ValueError, match="name one"):
        accept_volume(sound, "crm", " ")


@pytest.mark.parametrize("source", ["nobody", "marts.nothing", "marts.renewal_due"])
def test_what_is_not_watched_cannot_be_accepted(sound: Connection, source: str) -> None:
    with pytest.raises(LookupError, match=source):
        accept_volume(sound, source, "p.officer")
    assert sound.execute("select count(*) from gate.accepted_volumes").fetchone() == (0,)


def test_the_schema_is_made_once(warehouse: Connection) -> None:
    ensure_gate(warehouse)
    ensure_gate(warehouse)
    assert warehouse.execute("select count(*) from gate.results").fetchone() == (0,)
