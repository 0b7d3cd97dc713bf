"""R11, R39: what a superuser changes past the triggers is found and named by number, never by content."""

from typing import Any

import psycopg
import pytest
from optkeeper.gate import evidence
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events

Connection = psycopg.Connection[Any]
EVENTS = [
    b'{"event_id": "1", "source": "web", "type": "visit", "occurred_at": "2025-01-10T10:00:00+01:00",'
    b' "contact": {"email": "anna@x.example"}, "amount": 1.50, "long": 12345678901234567890, "exp": 1e3}',
    b'{"event_id": "2", "source": "web", "type": "visit", "contact": {"email": "anna@x.example"}}',
    b'{"event_id": "3", "source": "web", "type": "objection_raised", "contact": {"email": "anna@x.example"}, "channel": 7}',
]


@pytest.fixture
def landed(owner: Connection) -> Connection:
    Landing(owner, "web").land(read_events(EVENTS, "events.jsonl"))
    return owner


def test_what_landed_is_as_it_was_received_in_whatever_spelling(landed: Connection) -> None:
    assert evidence.check_all(landed) == len(EVENTS)


def test_an_edited_payload_is_named_by_number_alone(landed: Connection) -> None:
    landed.execute("alter table raw.records disable trigger refuse_change")
    edited = landed.execute(
        "update raw.records set payload = jsonb_set(payload, '{contact,email}', '\"bert@x.example\"')"
        " where source_id = '2' returning record_id"
    ).fetchall()
    with pytest.raises(
        evidence.EvidenceAltered, match=f"1 of 3 records in raw are not as received: {edited[0][0]}$"
    ) as told:
        evidence.check_all(landed)
    assert "@" not in str(told.value)


def test_a_payload_that_is_no_document_is_not_as_received(landed: Connection) -> None:
    landed.execute("alter table raw.records disable trigger refuse_change")
    landed.execute("update raw.records set payload = '[]' where source_id = '2'")
    with pytest.raises(evidence.EvidenceAltered):
        evidence.check_all(landed)
