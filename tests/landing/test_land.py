import hashlib
import random
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from optkeeper import transform
from optkeeper.landing import document
from optkeeper.landing.land import Landing, WarehouseLedger
from optkeeper.sources.stream import Broken, Cursor, FileOpened, FileTaken, Population, RawAddress, Received, StreamItem
from optkeeper.warehouse import database

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


def test_a_first_load_looks_each_record_up_by_index_though_the_table_was_analyzed_empty(
    owner: Connection, warehouse: Connection
) -> None:
    owner.execute("vacuum analyze raw.records")
    read = "select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where relname = 'records'"
    Landing(warehouse, "web", chunk=100).land(_received(number) for number in range(300))
    warehouse.execute("select pg_stat_force_next_flush()")
    found = warehouse.execute(read).fetchone()
    assert found is not None
    assert found[0] < 1000


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


def test_memory_does_not_grow_with_the_source(warehouse: Connection, warehouse_url: str) -> None:
    held: list[int] = []

    def stream(watching: Connection) -> Iterator[StreamItem]:
        for number in range(3_000):
            yield _received(number)
            stored = watching.execute("select count(*) from raw.records").fetchone()
            assert stored is not None
            held.append(number + 1 - stored[0])

    with database.connect(warehouse_url) as watching:
        Landing(warehouse, "web", chunk=100).land(stream(watching))
    assert max(held) <= 200  # one transaction that is stored, and the next


def test_a_source_that_asks_what_has_landed_is_answered_while_a_transaction_is_stored(warehouse: Connection) -> None:
    landing = Landing(warehouse, "web", chunk=10)
    answers = []

    def stream() -> Iterator[StreamItem]:
        for number in range(95):
            yield _received(number)
            yield Cursor("events", {"next": number})
            answers.append(landing.ledger.cursor("events"))

    landing.land(stream())
    told = [-1 if state is None else int(state["next"]) for state in answers]
    # a cursor is stored with what stands before it, and no answer is older than one that was given
    assert told == [(number + 1) // 10 * 10 - 2 if number >= 9 else -1 for number in range(95)]


def test_a_transaction_that_cannot_be_stored_ends_the_landing_with_its_own_error(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def stream() -> Iterator[StreamItem]:
        for number in range(100):
            read.append(number)
            yield _received(number)

    with monkeypatch.context() as patched:
        patched.setattr(Landing, "_receipt", lambda _, payload: "no moment" if payload["event_id"] == "25" else None)
        with pytest.raises(psycopg.errors.InvalidDatetimeFormat):
            Landing(warehouse, "web", chunk=10).land(stream())
    assert len(_records(warehouse)) == 20
    assert len(read) <= 40
    Landing(warehouse, "web", chunk=10).land(_received(number) for number in range(100))
    assert len(_records(warehouse)) == 100


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


def _versions(connection: Connection) -> list[str]:
    return [row[3]["type"] for row in _records(connection)]


def test_going_back_to_older_content_is_a_new_version(warehouse: Connection) -> None:
    for content in ("a", "b", "b", "a", "a", "b"):
        Landing(warehouse, "web").land(iter([_received(1, type=content)]))
    assert _versions(warehouse) == ["a", "b", "a", "b"]


def test_of_versions_in_one_pull_the_later_in_its_order_is_the_newer(warehouse: Connection) -> None:
    contents = ["a", "b", "a", "a", "c", "c", "a"]
    Landing(warehouse, "web", chunk=3).land(iter([_received(1, type=content) for content in contents]))
    assert _versions(warehouse) == ["a", "b", "a", "c", "a"]
    newest = warehouse.execute("select payload ->> 'type' from raw.records order by received_at desc, record_id desc")
    assert newest.fetchone() == ("a",)


def test_what_a_landing_was_told_is_new_known_or_broken(warehouse: Connection) -> None:
    stream = [_received(1), _received(1), _received(2), _received(3, name="a\x00b"), Broken("x.y", "1", "r", "d", b"z")]
    counts = Landing(warehouse, "web").land(iter(stream))
    assert (counts.records_seen, counts.records_new, counts.records_known, counts.records_broken) == (5, 2, 1, 2)
    again = Landing(warehouse, "web").land(iter(stream))
    assert (again.records_seen, again.records_new, again.records_known, again.records_broken) == (5, 0, 3, 2)
    assert again.quarantined == 0


def test_a_broken_row_that_comes_three_times_counts_three(warehouse: Connection) -> None:
    rows = [Broken("vendor.rows", f"crm.csv:{line}", "malformed_row", "A quote.", b'"') for line in (2, 3, 4)]
    opened, taken = FileOpened(b"d" * 32), FileTaken(b"d" * 32, "crm.csv", 3, "crm", datetime(2026, 1, 1, tzinfo=UTC))
    assert Landing(warehouse, "leadco").land(iter([opened, *rows, taken])).quarantined == 3
    other = FileOpened(b"e" * 32)
    assert Landing(warehouse, "leadco").land(iter([other, *rows])).quarantined == 3


def test_a_file_that_corrects_itself_is_told_once_also_when_its_pull_was_killed(warehouse: Connection) -> None:
    opened = FileOpened(b"d" * 32, "as registered")
    rows = [_received(number % 3, type=str(number)) for number in range(20)]

    def stream(killed_at: int | None) -> Iterator[StreamItem]:
        yield opened
        for place, row in enumerate(rows):
            if place == killed_at:
                raise KeyboardInterrupt
            yield row
        yield FileTaken(opened.digest, "a.jsonl", 1, "a", datetime(2026, 1, 1, tzinfo=UTC))

    for killed_at in (5, 9, 9, 16):
        with pytest.raises(KeyboardInterrupt):
            Landing(warehouse, "web", chunk=4).land(stream(killed_at))
    Landing(warehouse, "web", chunk=4).land(stream(None))
    assert _versions(warehouse) == [str(number) for number in range(20)]
    assert warehouse.execute("select count(*) from raw.file_progress").fetchone() == (0,)


def test_no_record_appears_with_a_receipt_earlier_than_what_a_build_knows(
    warehouse: Connection, warehouse_url: str
) -> None:
    with database.connect(warehouse_url) as landing, database.connect(warehouse_url) as building:
        stamped, go_on = threading.Event(), threading.Event()
        known: list[datetime] = []

        def store() -> None:
            with landing.transaction():  # the landing's own transaction becomes a part of this one
                Landing(landing, "web").land(iter([_received(1)]))
                stamped.set()
                go_on.wait(30)

        def build() -> None:
            known.append(transform._known_at(building, "run", datetime.now(UTC)))

        storing = threading.Thread(target=store)
        storing.start()
        assert stamped.wait(30)
        waiting = threading.Thread(target=build)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive(), "the build waits for whoever has stamped"
        go_on.set()
        storing.join(30)
        waiting.join(30)
    Landing(warehouse, "web").land(iter([_received(2)]))
    received = [row[0] for row in warehouse.execute("select received_at from raw.records order by record_id")]
    assert received[0] < known[0] < received[1]
    assert warehouse.execute("select known_at from raw.builds").fetchall() == [(known[0],)]


def test_a_clock_that_was_set_back_gives_no_earlier_receipt(warehouse: Connection) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    warehouse.execute("update raw.receipt_clock set last_at = %s", (ahead,))
    Landing(warehouse, "web").land(iter([_received(1)]))
    row = warehouse.execute("select received_at > %s from raw.records", (ahead,)).fetchone()
    assert row == (True,)


@pytest.mark.parametrize("length", [1_001, 2_700, 100_000])
def test_an_id_or_address_that_no_index_holds_costs_its_record_and_not_its_chunk(
    warehouse: Connection, length: int
) -> None:
    long = random.Random(length).randbytes(length).hex()
    stream = [
        Received("x.y", long, {"a": 1}),
        Received("x.y", "1", {"a": 1}, (RawAddress("phone", long), RawAddress("email", f"{long}@{long}.nl"))),
        Received("x.y", "2", {"a": 1}, (RawAddress("phone", "020 123", long),)),
        Received("x.y", "3", {"n": int("9" * 4_000)}),
        Broken("x.y", long, "r", long, b"z"),
    ]
    counts = Landing(warehouse, "web").land(iter(stream))
    assert (counts.records_new, counts.records_broken) == (2, 3)


def test_a_chunk_is_bounded_in_bytes(warehouse: Connection) -> None:
    def stream() -> Iterator[StreamItem]:
        for number in range(300):
            yield _received(number, text="x" * 1_000_000)

    tracemalloc.start()
    counts = Landing(warehouse, "web").land(stream())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.records_new == 300
    assert peak < 100_000_000


def test_many_broken_records_are_stored_at_once(warehouse: Connection) -> None:
    def stream() -> Iterator[StreamItem]:
        for number in range(100_000):
            yield Broken("x.y", f"f:{number}", "malformed_json", "The line is not JSON.", b"{%d" % number)

    started = time.perf_counter()
    counts = Landing(warehouse, "web").land(stream())
    assert counts.quarantined == 100_000
    assert time.perf_counter() - started < 30  # one by one it took longer than 30 s for a tenth of the three million
