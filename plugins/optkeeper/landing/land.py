"""Landing: a source's stream into `raw`, in transactions that each leave a whole state.

Memory does not grow with the source: a transaction holds at most `CHUNK` records and `CHUNK_BYTES` bytes, and the
server removes what it knows; while one is stored, the next is read. Killed at any point, the next run goes on from the
last committed cursor, and within a file behind the last stored record. What is told and what stands afterwards always
add up: each record that a stream tells is new, known already, or broken and in quarantine.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from optkeeper import settings
from optkeeper.evidence import landed, logs
from optkeeper.landing import addresses, document, excerpt
from optkeeper.landing.ledger import WarehouseLedger
from optkeeper.sources.stream import (
    Broken,
    Cursor,
    Excerpt,
    FileLeft,
    FileOpened,
    FileTaken,
    Listed,
    ListingEnded,
    Population,
    RawAddress,
    Received,
    StreamItem,
)

__all__ = ["CHUNK", "CHUNK_BYTES", "Landing", "LandingCounts", "WarehouseLedger"]

CHUNK = 10_000
CHUNK_BYTES = 16 * 1024**2
_REMEMBERED_ADDRESSES = 200_000
_LONGEST_POSITION = 500
_RECORDS = (Received, Broken)
_SWITCH_INTERVAL = 0.0001  # seconds; by the usual 0.005 each block for the server waits as long for the reader

_STAGES = """
create temporary table if not exists landing_stage (
    position bigint, object text, source_id text, batch text, received_at timestamptz, digest bytea, payload jsonb,
    broken_reason text, is_excerpt boolean
) on commit delete rows;
create temporary table if not exists landing_broken (
    place bigint, object text, position text, delivery text, reason text, field text, detail text, batch text,
    received_at timestamptz, digest bytea, payload bytea
) on commit delete rows
"""
_COPY_BROKEN = (
    "copy landing_broken"
    " (place, object, position, delivery, reason, field, detail, batch, received_at, digest, payload) from stdin"
)
# The receipt is stamped when all else is stored, by the one clock whose row this transaction then holds.
_STAMP = """
update raw.receipt_clock
set last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')
returning last_at
"""
# A table that was analyzed while it was empty is read whole for each record by the planner's leave.
_BY_INDEX = "set local enable_seqscan = off"
# A version is new where it differs from the one before it: in this chunk, else the one that stands (R9).
_KEEP_NEW = f"""
with told as (
    select
        *,
        lag(digest) over versions as digest_before,
        lag(broken_reason) over versions as reason_before,
        row_number() over versions = 1 as is_first
    from landing_stage
    window versions as (partition by object, source_id order by position)
),

fresh as (
    select
        cast(%(source)s as text) as source, told.object, told.source_id, told.batch,
        coalesce(told.received_at, %(stamp)s) as received_at, told.digest, told.payload, told.broken_reason,
        told.is_excerpt, told.position
    from told
    left join lateral (
        select records.digest, records.broken_reason
        from raw.records as records
        where records.source = %(source)s and records.object = told.object and records.source_id = told.source_id
        order by records.record_id desc
        limit 1
    ) as standing on told.is_first
    where
        (case when told.is_first then standing.digest else told.digest_before end, told.broken_reason)
        is distinct from
        (told.digest, case when told.is_first then standing.broken_reason else told.reason_before end)
),

kept as (
    insert into raw.records
        (source, object, source_id, batch, received_at, digest, payload, broken_reason, is_excerpt)
    select source, object, source_id, batch, received_at, digest, payload, broken_reason, is_excerpt
    from fresh
    order by position
    returning record_id, received_at, broken_reason, {logs.RECORDS.leaf(logs.EDITIONS[0])} as leaf
),

landed as ({landed.KEEP})

select count(*) from kept where broken_reason is null
"""  # noqa: S608  # constants
_KEEP_BROKEN = """
insert into raw.quarantine
    (source, object, position, delivery, reason, field, detail, batch, received_at, digest, payload)
select
    %(source)s, object, position, delivery, reason, field, detail, batch, coalesce(received_at, %(stamp)s), digest,
    payload
from landing_broken
order by place
on conflict do nothing
"""


@dataclass(slots=True)
class LandingCounts:
    """What one landing saw: `records_seen` = `records_new` + `records_known` + `records_broken`.

    `quarantined` counts the rows of quarantine that are new: fewer than `records_broken` where a broken record is told
    again, more where a record landed and an address in it could not be read.
    """

    records_seen: int = 0
    records_new: int = 0
    records_known: int = 0
    records_broken: int = 0
    quarantined: int = 0
    files: int = 0


class _Record(NamedTuple):
    """A row of `landing_stage`."""

    position: int
    object: str
    source_id: str
    batch: str | None
    received_at: datetime | None
    digest: bytes
    payload: str
    broken_reason: str | None
    is_excerpt: bool


_COPY = f"copy landing_stage ({', '.join(_Record._fields)}) from stdin"


@dataclass(slots=True)
class _Chunk:
    records: list[_Record] = field(default_factory=list)
    broken: list[tuple[Broken, str, datetime | None]] = field(default_factory=list)
    files: list[tuple[FileTaken, int]] = field(default_factory=list)  # with how many records each held
    cursors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    progress: dict[tuple[bytes, str], int] = field(default_factory=dict)
    addresses: dict[tuple[str, str, str], tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)
    populations: dict[str, int] = field(default_factory=dict)
    listings: list[Listed | ListingEnded] = field(default_factory=list)
    seen: int = 0
    broken_seen: int = 0
    size: int = 0

    def is_full(self, records: int) -> bool:
        return len(self.records) + len(self.broken) >= records or self.size >= CHUNK_BYTES


class Landing:
    """Lands streams of one source over one connection (autocommit: each chunk is its own transaction).

    The connection is the landing's own while a stream is read: who reads it asks `ledger` what has been landed.

    Args:
        honour_received_at: take `received_at` from the payload, as `evaluate` does; production never does.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], source: str, *, honour_received_at: bool = False, chunk: int = CHUNK
    ) -> None:
        if not connection.autocommit:
            raise ValueError("landing needs a connection in autocommit, so that each chunk is one transaction")
        self._connection = connection
        self._source = source
        self._honour_received_at = honour_received_at
        self._chunk_size = chunk
        self._seen_addresses: set[tuple[str, str, str]] = set()
        self._file: FileOpened | None = None
        self._items_of_file = 0
        self._stored_of_file = 0
        self._storing: Future[None] | None = None
        self.ledger = WarehouseLedger(connection, source, self._settle)
        self.counts = LandingCounts()

    def land(self, stream: Iterator[StreamItem]) -> LandingCounts:
        """Stores a whole stream and answers what it saw; a cursor is stored with what stands before it."""
        self._connection.execute(_STAGES)
        chunk = _Chunk()
        with ThreadPoolExecutor(1, "landing") as storer, _switching_at_once():
            try:
                for item in stream:
                    self._take(item, chunk)
                    if chunk.is_full(self._chunk_size):
                        self._settle()
                        self._storing = storer.submit(self._store, chunk)
                        chunk = _Chunk()
            finally:
                self._settle()
        self._store(chunk)
        return self.counts

    def _settle(self) -> None:
        """Waits until what is being stored is, or raises why it cannot be; the connection is free then."""
        if self._storing is not None:
            storing, self._storing = self._storing, None
            storing.result()

    def _take(self, item: StreamItem, chunk: _Chunk) -> None:
        if isinstance(item, _RECORDS):
            if self._is_stored_already():
                return
            chunk.seen += 1
            if isinstance(item, Received):
                self._take_record(item, chunk)
            else:
                self._take_broken(item, chunk)
            if self._file is not None:
                chunk.progress[(self._file.digest, self._file.reading)] = self._items_of_file
        elif isinstance(item, FileOpened):
            self._file, self._items_of_file = item, 0
            self._stored_of_file = self.ledger.items_of_file(item)
        elif isinstance(item, FileTaken | FileLeft):
            self._file = None
            if isinstance(item, FileTaken):
                chunk.files.append((item, self._items_of_file))
                chunk.progress = {key: items for key, items in chunk.progress.items() if key[0] != item.digest}
        elif isinstance(item, Cursor):
            chunk.cursors[item.stream] = item.state
        elif isinstance(item, Population):
            chunk.populations[item.object] = item.total
        elif isinstance(item, Listed | ListingEnded):
            chunk.listings.append(item)
            chunk.size += sum(map(len, item.source_ids)) if isinstance(item, Listed) else 0
        else:
            raise TypeError(f"{self._source}: a stream holds no {type(item).__name__}")

    def _is_stored_already(self) -> bool:
        if self._file is None:
            return False
        self._items_of_file += 1
        return self._items_of_file <= self._stored_of_file

    def _take_record(self, item: Received, chunk: _Chunk) -> None:
        received_at = self._receipt(item.payload)
        try:
            if len(item.source_id.encode("utf-8", "replace")) > excerpt.LONGEST_ID:
                raise document.MalformedDocument(f"its id is longer than {excerpt.LONGEST_ID} bytes")
            if excerpt.CONTROL.search(item.source_id):
                raise document.MalformedDocument("its id holds a control character")
            text = item.canonical or document.canonical(item.payload)
            stored = item.text or document.encode(item.payload)
        except document.MalformedDocument as problem:
            self._take_unstorable(item, str(problem), chunk, received_at)
            return
        self._add(item.object, item.source_id, item.batch, received_at, text, stored, chunk)
        for address in item.addresses:
            if self._remember(address, chunk):
                self._note_unreadable(item, address, received_at, chunk)

    def _take_unstorable(self, item: Received, problem: str, chunk: _Chunk, received_at: datetime | None) -> None:
        """Keeps what cannot be stored as it is in quarantine, and lands what is left of it: its restrictions count."""
        raw = _as_received(item.payload, document.storable(item.payload))
        detail = f"The record cannot be stored: {problem}."
        position = item.source_id if len(item.source_id) <= _LONGEST_POSITION else excerpt.broken_id(raw)
        broken = Broken(item.object, position, "unstorable_document", detail, raw, batch=item.batch)
        self._take_remains(item, broken.reason, received_at, chunk)
        self._quarantine(broken, received_at, chunk)
        chunk.broken_seen += 1

    def _take_broken(self, item: Broken, chunk: _Chunk) -> None:
        received_at = None
        for part in item.excerpts:
            received_at = self._receipt(part.event)
            self._take_excerpt(item, part, received_at, chunk)
        for remains in item.remains:
            self._take_remains(remains, item.reason, received_at, chunk)
        self._quarantine(item, received_at, chunk)
        chunk.broken_seen += 1

    def _take_remains(self, item: Received, reason: str, received_at: datetime | None, chunk: _Chunk) -> None:
        payload = document.storable(item.payload)
        source_id = excerpt.CONTROL.sub("", item.source_id)
        if not source_id or len(source_id.encode("utf-8", "replace")) > excerpt.LONGEST_ID:
            source_id = excerpt.broken_id(document.encode(payload))
        self._add(
            item.object, source_id, item.batch, received_at, document.canonical(payload), document.encode(payload),
            chunk, broken_reason=reason,
        )  # fmt: skip
        for address in item.addresses:
            self._remember(RawAddress(address.kind, address.raw.replace("\x00", ""), address.country), chunk)

    def _take_excerpt(self, item: Broken, part: Excerpt, received_at: datetime | None, chunk: _Chunk) -> None:
        self._add(
            item.object, part.source_id, item.batch, received_at, document.canonical(part.event),
            document.encode(part.event), chunk, broken_reason=item.reason, is_excerpt=True,
        )  # fmt: skip
        for address in part.addresses:
            self._remember(address, chunk)

    def _add(
        self,
        object_: str,
        source_id: str,
        batch: str | None,
        received_at: datetime | None,
        canonical: bytes,
        stored: bytes,
        chunk: _Chunk,
        *,
        broken_reason: str | None = None,
        is_excerpt: bool = False,
    ) -> None:
        digest = hashlib.sha256(canonical).digest()
        chunk.records.append(
            _Record(
                len(chunk.records), object_, source_id, batch, received_at, digest, stored.decode(), broken_reason,
                is_excerpt,
            )
        )  # fmt: skip
        chunk.size += len(stored)

    def _quarantine(self, broken: Broken, received_at: datetime | None, chunk: _Chunk) -> None:
        delivery = self._file.digest.hex() if self._file is not None else ""
        chunk.broken.append((broken, delivery, received_at))
        chunk.size += len(broken.raw)

    def _note_unreadable(
        self, item: Received, address: RawAddress, received_at: datetime | None, chunk: _Chunk
    ) -> None:
        """Names an address that cannot be read; the record itself has landed, and permits nothing there (R34)."""
        field_, several = address.kind, len(addresses.within(address)) > 1
        reason = "several_addresses" if several else "unreadable_address"
        detail = (
            "The field holds several addresses: a restriction holds for each, a permission for none."
            if several
            else "The field holds no address that can be read."
        )
        broken = Broken(item.object, item.source_id, reason, detail, document.encode(item.payload), field_, item.batch)
        self._quarantine(broken, received_at, chunk)

    def _receipt(self, payload: Mapping[str, Any]) -> datetime | None:
        """The receipt that the record itself states, where it may; None: it is stamped when it is stored."""
        if not self._honour_received_at or not payload.get("received_at"):
            return None
        moment = datetime.fromisoformat(str(payload["received_at"]))
        return moment if moment.tzinfo else moment.replace(tzinfo=settings.BUSINESS_TIME_ZONE)

    def _remember(self, address: RawAddress, chunk: _Chunk) -> bool:
        """Keeps how an address compares; answers whether it is one that cannot be read."""
        if not address.raw.strip() or "\x00" in address.raw:
            return False
        if address.kind == "email" and addresses.is_plain_email(address.raw):
            return False
        if len(address.raw.encode("utf-8", "replace")) > addresses.LONGEST_SPELLING:
            return True
        # as SQL trims a text; other white space is left for the address's own reading
        key = (address.kind, address.raw.strip(" "), (address.country or "")[: excerpt.LONGEST_WORD])
        if key not in chunk.addresses and key in self._seen_addresses:
            return addresses.compared(address) is None
        if len(self._seen_addresses) >= _REMEMBERED_ADDRESSES:
            self._seen_addresses.clear()
        self._seen_addresses.add(key)
        compared = addresses.compared(address)
        chunk.addresses[key] = (compared, () if compared else tuple(addresses.within(address)))
        return compared is None

    def _store(self, chunk: _Chunk) -> None:
        connection, source = self._connection, self._source
        new = quarantined = 0
        with connection.transaction(), connection.cursor() as cursor:
            if chunk.records:
                with cursor.copy(_COPY) as copy:
                    for one in chunk.records:
                        copy.write_row(one)
            if chunk.broken:
                with cursor.copy(_COPY_BROKEN) as copy:
                    for place, (broken, delivery, at) in enumerate(chunk.broken):
                        copy.write_row(
                            (place, broken.object, _storable_text(broken.position)[:_LONGEST_POSITION], delivery,
                             broken.reason, broken.field, _storable_text(broken.detail), broken.batch, at,
                             hashlib.sha256(broken.raw).digest(), broken.raw)
                        )  # fmt: skip
            self._store_addresses(cursor, chunk)
            for object_, total in chunk.populations.items():
                cursor.execute(
                    "insert into raw.populations (source, object, counted_at, total)"
                    " values (%s, %s, clock_timestamp(), %s)",
                    (source, object_, total),
                )
            for listing in chunk.listings:
                self._store_listing(cursor, listing)
            for stream, state in chunk.cursors.items():
                cursor.execute(
                    "insert into raw.cursors (source, stream, state, committed_at) values (%s, %s, %s, now())"
                    " on conflict (source, stream) do update"
                    " set state = excluded.state, committed_at = excluded.committed_at",
                    (source, stream, json.dumps(dict(state))),
                )
            for (digest, reading), items in chunk.progress.items():
                cursor.execute(
                    "insert into raw.file_progress (source, digest, reading, items) values (%s, %s, %s, %s)"
                    " on conflict (source, digest, reading) do update set items = excluded.items",
                    (source, digest, reading, items),
                )
            if chunk.records or chunk.broken or chunk.files:
                row = cursor.execute(_STAMP).fetchone()
                assert row is not None
                stamp = {"source": source, "stamp": row[0]}
                if chunk.records:
                    cursor.execute(_BY_INDEX)
                    kept = cursor.execute(_KEEP_NEW, stamp).fetchone()
                    new = 0 if kept is None else kept[0]
                if chunk.broken:
                    quarantined = cursor.execute(_KEEP_BROKEN, stamp).rowcount
                for file, records in chunk.files:
                    self._store_file(cursor, file, records, row[0])
        self._count(chunk, new, quarantined)

    def _store_addresses(self, cursor: psycopg.Cursor[Any], chunk: _Chunk) -> None:
        if not chunk.addresses:
            return
        cursor.executemany(
            "insert into raw.addresses (kind, raw, country, address) values (%s, %s, %s, %s) on conflict do nothing",
            sorted((*key, compared) for key, (compared, _) in chunk.addresses.items()),  # two pulls never cross
        )
        within = [(*key, one) for key, (_, found) in chunk.addresses.items() for one in found]
        if within:
            cursor.executemany(
                "insert into raw.addresses_within (kind, raw, country, address) values (%s, %s, %s, %s)"
                " on conflict do nothing",
                within,
            )

    def _store_file(self, cursor: psycopg.Cursor[Any], file: FileTaken, records: int, stamp: datetime) -> None:
        cursor.execute(
            "insert into raw.files (source, digest, name, size, batch, received_at, modified_at, records)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (self._source, file.digest, file.name, file.size, file.batch, stamp, file.modified_at, records),
        )
        cursor.execute("delete from raw.file_progress where source = %s and digest = %s", (self._source, file.digest))

    def _store_listing(self, cursor: psycopg.Cursor[Any], item: Listed | ListingEnded) -> None:
        key = (self._source, item.object, item.started_at)
        cursor.execute(
            "insert into raw.listings (source, object, started_at) values (%s, %s, %s) on conflict do nothing", key
        )
        if isinstance(item, Listed):
            cursor.execute(
                "insert into raw.listed (listing_id, source_id)"
                " select listings.listing_id, listed.source_id from raw.listings as listings"
                " cross join unnest(%s::text[]) as listed (source_id)"
                " where listings.source = %s and listings.object = %s and listings.started_at = %s"
                " on conflict do nothing",
                (list(item.source_ids), *key),
            )
            return
        cursor.execute(
            "update raw.listings set ended_at = clock_timestamp()"
            " where source = %s and object = %s and started_at = %s and ended_at is null",
            key,
        )
        # only what the last whole listing holds is ever compared
        cursor.execute("delete from raw.listings where source = %s and object = %s and started_at < %s", key)

    def _count(self, chunk: _Chunk, new: int, quarantined: int) -> None:
        counts = self.counts
        counts.records_seen += chunk.seen
        counts.records_broken += chunk.broken_seen
        counts.records_new += new
        counts.records_known += chunk.seen - chunk.broken_seen - new
        counts.quarantined += quarantined
        counts.files += len(chunk.files)


@contextmanager
def _switching_at_once() -> Iterator[None]:
    """Lets a thread that mostly waits for the server go on at once whenever it need not wait."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _as_received(payload: Mapping[str, Any], storable: Mapping[str, Any]) -> bytes:
    try:
        return document.encode(payload)
    except (ValueError, RecursionError):  # the encoder cannot write it; what is left of it can be written
        return document.encode(storable)


def _storable_text(text: str) -> str:
    return str(document.storable(text))
