import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from optkeeper.landing import document
from optkeeper.landing.land import Landing, WarehouseLedger
from optkeeper.sources.stream import Broken, Cursor, FileTaken, Population, RawAddress, Received, StreamItem

Connection = psycopg.Connection[Any]


def _records(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select source, object, source_id, payload from raw.records order by record_id"
    ).fetchall()


def _received(number: int, **payload: object) -> Received:
    return Received("canonical.events", str(number), {"event_id": str(number), **payload})


def test_the_same_again_adds_nothing_also_with_its_keys_in_another_order(warehouse: Connection) -> None:
    first = Landing(warehouse, "web").land(iter([Received("canonical.events", "1", {"a": 1, "b": [1.50, "x"]})]))
    again = Landing(warehouse, "web").land(iter([Received("canonical.events", "1", {"b": [1.5, "x"], "a": 1})]))
    assert (first.records_new, again.records_seen, again.records_new) == (1, 1, 0)
    assert len(_records(warehouse)) == 1


def test_other_content_under_the_same_id_is_kept_beside_the_first(warehouse: Connection) -> None:
    Landing(warehouse, "web").land(iter([_received(1, type="a"), _received(1, type="b")]))
    assert [row[3]["type"] for row in _records(warehouse)] == ["a", "b"]


def test_the_digest_can_be_computed_again_from_what_is_stored(warehouse: Connection) -> None:
    text = (
        b'{"z": 1e2, "a": 0.10, "long": 123456789012345678901234567890, "text": "\\u00e9\\u2028\\\\u0000", "n": null}'
    )
    Landing(warehouse, "web").land(iter([Received("canonical.events", "1", document.decode(text))]))
    row = warehouse.execute("select digest, payload::text from raw.records").fetchone()
    assert row is not None
    stored = document.decode(row[1].encode())
    assert document.digest(stored) == row[0]
    assert stored["long"] == 123456789012345678901234567890


def test_a_document_that_cannot_be_stored_goes_to_quarantine_and_the_rest_lands(warehouse: Connection) -> None:
    counts = Landing(warehouse, "web").land(iter([_received(1, name="a\x00b"), _received(2)]))
    assert (counts.records_new, counts.quarantined) == (1, 1)
    row = warehouse.execute("select reason, position, payload from raw.quarantine").fetchone()
    assert row is not None
    assert row[:2] == ("unstorable_document", "1")
    assert document.decode(row[2])["name"] == "a\x00b"


def test_a_broken_record_is_kept_as_received_and_only_once(warehouse: Connection) -> None:
    broken = Broken("vendor.rows", "crm.csv:17", "malformed", "The line ends in a quote.", b'"half a l\xff', "email")
    for _ in range(2):
        Landing(warehouse, "leadco").land(iter([broken]))
    rows = warehouse.execute("select source, position, reason, field, payload, digest from raw.quarantine").fetchall()
    assert rows == [
        ("leadco", "crm.csv:17", "malformed", "email", broken.raw, hashlib.sha256(broken.raw).digest())
    ]  # fmt: skip


def test_a_pull_killed_midway_goes_on_from_its_last_committed_cursor(warehouse: Connection) -> None:
    def stream(fail_at: int | None, start: int) -> Iterator[StreamItem]:
        for number in range(start, 25):
            if number == fail_at:
                raise KeyboardInterrupt
            yield _received(number)
            yield Cursor("events", {"next": number + 1})

    with pytest.raises(KeyboardInterrupt):
        Landing(warehouse, "web", chunk=10).land(stream(17, 0))
    state = WarehouseLedger(warehouse, "web").cursor("events")
    assert state is not None
    assert state["next"] <= 17
    assert len(_records(warehouse)) >= state["next"]
    Landing(warehouse, "web", chunk=10).land(stream(None, state["next"]))
    assert [row[2] for row in _records(warehouse)] == [str(number) for number in range(25)]


def test_memory_does_not_grow_with_the_source(warehouse: Connection) -> None:
    held: list[int] = []
    alive = itertools.count()

    def stream() -> Iterator[StreamItem]:
        for number in range(3_000):
            next(alive)
            yield _received(number)
            stored = warehouse.execute("select count(*) from raw.records").fetchone()
            assert stored is not None
            held.append(number + 1 - stored[0])

    Landing(warehouse, "web", chunk=100).land(stream())
    assert max(held) <= 100


def test_files_populations_and_addresses_are_remembered(warehouse: Connection) -> None:
    record = Received(
        "vendor.rows", "1", {"row": {}},
        (RawAddress("phone", "020 123 4567", "NL"), RawAddress("email", "A@bücher.example"), RawAddress("email", "a@b.nl")),
        batch="LC-1",
    )  # fmt: skip
    delivered_at = datetime(2026, 9, 1, tzinfo=UTC)
    taken = FileTaken(b"d" * 32, "leads.csv", 12, "LC-1", delivered_at)
    Landing(warehouse, "leadco").land(iter([record, Population("vendor.rows", 1), taken]))
    ledger = WarehouseLedger(warehouse, "leadco")
    assert ledger.knows_file(b"d" * 32, delivered_at)
    assert not ledger.knows_file(b"d" * 32, delivered_at + timedelta(days=1))
    assert not ledger.knows_file(b"e" * 32, delivered_at)
    assert warehouse.execute("select object, total from raw.populations").fetchall() == [("vendor.rows", 1)]
    assert warehouse.execute("select kind, address from raw.addresses order by 1").fetchall() == [
        ("email", "a@xn--bcher-kva.example"), ("phone", "+31201234567"),
    ]  # fmt: skip


def test_production_never_takes_the_receipt_from_the_record(warehouse: Connection) -> None:
    claimed = _received(1, received_at="2001-01-01T00:00:00Z")
    Landing(warehouse, "web").land(iter([claimed]))
    row = warehouse.execute("select received_at > now() - interval '1 hour' from raw.records").fetchone()
    assert row == (True,)
