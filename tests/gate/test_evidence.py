"""R11, R40: the gate looks whether the evidence it relies on is as it was received and as it was sealed."""

from typing import Any

import psycopg
import pytest
from optkeeper.gate import evidence

from tests.gate import world

Connection = psycopg.Connection[Any]


def judged(connection: Connection) -> list[tuple[str, bool]]:
    evidence.recompute_for_candidate(connection)
    return connection.execute(
        "select records.source_id, is_as_received from gate.recomputed_digests"
        " inner join raw.records using (record_id) order by 1"
    ).fetchall()


@pytest.fixture
def candidate(sound: Connection) -> Connection:
    from optkeeper.gate import ledger

    ledger.ensure_gate(sound)
    return sound


def test_what_landed_and_was_sealed_is_as_it_was_received(candidate: Connection) -> None:
    assert judged(candidate) == [("1", True), ("3", True)]


@pytest.mark.parametrize(
    "spoiling",
    [
        "update raw.records set payload = '{\"id\": \"9\"}' where source_id = '1'",
        "update raw.records set payload = '[]' where source_id = '1'",
        'update raw.records set payload = \'{"id": "9"}\', digest = sha256(\'{"id":"9"}\') where source_id = \'1\'',
        "update raw.records set received_at = received_at - interval '1 day' where source_id = '1'",
        "delete from evidence.tiles where log = 'records'",
        "update evidence.tiles set ids = array[7, 8, 9], first_id = 7 where log = 'records'",
    ],
)
def test_evidence_that_was_changed_or_was_never_sealed_is_not(candidate: Connection, spoiling: str) -> None:
    candidate.execute(spoiling.encode())
    assert dict(judged(candidate))["1"] is False


@pytest.mark.parametrize(
    "spoiling",
    [
        "update raw.records set payload = '{\"id\": \"9\"}' where source_id = '1'",
        "update raw.records set received_at = received_at - interval '1 day' where source_id = '1'",
        "delete from evidence.tiles where log = 'records'",
        "update evidence.tiles set ids = array[7, 8, 9], first_id = 7 where log = 'records'",
    ],
)
def test_evidence_that_was_changed_after_it_was_judged_is_judged_again(candidate: Connection, spoiling: str) -> None:
    _make_whole_tiles(candidate)
    assert dict(judged(candidate))["1"] is True
    candidate.execute(spoiling.encode())
    _have_counted(candidate)
    assert dict(judged(candidate))["1"] is False


@pytest.mark.parametrize(
    "forgetting",
    [
        "select pg_stat_reset_single_table_counters('raw.records'::regclass)",
        "select pg_stat_reset()",
        "alter table raw.records rename to other; create table raw.records (like raw.other including all);"
        " insert into raw.records overriding system value select * from raw.other;"
        " alter table raw.other set schema public",
    ],
)
def test_a_server_that_has_forgotten_what_it_counted_is_not_believed(candidate: Connection, forgetting: str) -> None:
    _make_whole_tiles(candidate)
    assert dict(judged(candidate))["1"] is True
    candidate.execute("update raw.records set payload = '{\"id\": \"9\"}' where source_id = '1'")
    _have_counted(candidate)
    candidate.execute(forgetting.encode())
    assert dict(judged(candidate))["1"] is False


def test_a_record_that_was_changed_with_its_trigger_off_is_judged_again_before_the_server_counts_it(
    candidate: Connection,
) -> None:
    candidate.execute("alter table raw.records enable trigger refuse_change")
    _make_whole_tiles(candidate)
    assert dict(judged(candidate))["1"] is True
    candidate.execute(
        "alter table raw.records disable trigger refuse_change;"
        "update raw.records set payload = '{\"id\": \"9\"}' where source_id = '1';"
        "alter table raw.records enable trigger refuse_change"
    )
    assert dict(judged(candidate))["1"] is False


def test_what_more_is_relied_on_is_computed_beside_what_was(candidate: Connection) -> None:
    _make_whole_tiles(candidate)
    judged(candidate)
    version = _version_of_judgement(candidate)
    candidate.execute(
        "update candidate.marketable_contacts set evidence_record_id ="
        " (select record_id from raw.records where source_id = 'm7') where contact_id = 'web/2'"
    )
    assert judged(candidate) == [("1", True), ("3", True), ("m7", True)]
    assert _version_of_judgement(candidate) == version


def test_what_stands_in_whole_tiles_is_not_computed_again_until_they_change(candidate: Connection) -> None:
    _make_whole_tiles(candidate)
    assert dict(judged(candidate))["1"] is True
    version = _version_of_judgement(candidate)
    judged(candidate)
    assert _version_of_judgement(candidate) == version
    candidate.execute("update evidence.tiles set hashes = hashes where log = 'records' and tile = 0")
    assert dict(judged(candidate))["1"] is True
    assert _version_of_judgement(candidate) != version
    candidate.execute("update evidence.tiles set hashes = set_byte(hashes, 5, 0) where log = 'records' and tile = 0")
    assert dict(judged(candidate))["1"] is False


def _have_counted(connection: Connection) -> None:
    """What a session has written the server counts by and by; now."""
    connection.execute("select pg_stat_force_next_flush()")


def _make_whole_tiles(connection: Connection) -> None:
    connection.execute(
        "insert into raw.records (source, object, source_id, received_at, digest, payload)"
        " select 'web', 'canonical.events', 'm' || number, '2025-05-01 10:00+00', sha256('{}'), '{}'"
        " from generate_series(1, 300) as numbers (number)"
    )
    world.seal(connection)


def _version_of_judgement(connection: Connection) -> Any:
    return connection.execute(
        "select xmin, ctid from gate.recomputed_digests where record_id = (select record_id from raw.records"
        " where source_id = '1')"
    ).fetchone()
