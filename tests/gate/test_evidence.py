"""R11, R40: the gate looks whether the evidence it relies on is as it was received and as it was sealed."""

from typing import Any

import psycopg
import pytest
from optkeeper.gate import evidence

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
