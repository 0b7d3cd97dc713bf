"""Landing: a source's stream into `raw`, in transactions that each leave a whole state.

Memory does not grow with the source: a transaction holds at most `CHUNK` records, and the server
removes what it knows. Killed at any point, the next run goes on from the last committed cursor and
what it then reads again adds nothing.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from optkeeper.landing import addresses, document
from optkeeper.sources.stream import Broken, Cursor, FileTaken, Population, RawAddress, Received, StreamItem

CHUNK = 10_000
_REMEMBERED_ADDRESSES = 200_000

_STAGE = """
create temporary table if not exists landing_stage (
    position bigint, object text, source_id text, batch text, received_at timestamptz, digest bytea, payload jsonb
) on commit delete rows
"""
_COPY = "copy landing_stage (position, object, source_id, batch, received_at, digest, payload) from stdin"
# Of the same content twice in one chunk the first stands, as between chunks (R9).
_KEEP_NEW = """
insert into raw.records (source, object, source_id, batch, received_at, digest, payload)
select %(source)s, object, source_id, batch, received_at, digest, payload
from landing_stage
order by position
on conflict do nothing
"""


@dataclass(slots=True)
class LandingCounts:
    """What one landing saw. `records_new` and `quarantined` count rows that were not known before."""

    records_seen: int = 0
    records_new: int = 0
    quarantined: int = 0
    files: int = 0


@dataclass(slots=True)
class _Chunk:
    records: list[tuple[str, str, str | None, datetime, bytes, bytes]] = field(default_factory=list)
    broken: list[tuple[Broken, datetime]] = field(default_factory=list)
    files: list[FileTaken] = field(default_factory=list)
    cursors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    addresses: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    populations: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records) + len(self.broken)


class WarehouseLedger:
    """What has been landed for one source, as its connector may ask for it."""

    def __init__(self, connection: psycopg.Connection[Any], source: str) -> None:
        self._connection = connection
        self._source = source

    def cursor(self, stream: str) -> Mapping[str, Any] | None:
        """The last committed state of a stream, or None."""
        row = self._connection.execute(
            "select state from raw.cursors where source = %s and stream = %s", (self._source, stream)
        ).fetchone()
        return None if row is None else row[0]

    def knows_file(self, digest: bytes) -> bool:
        """Whether a file of this digest was read to its end before."""
        row = self._connection.execute(
            "select 1 from raw.files where source = %s and digest = %s", (self._source, digest)
        ).fetchone()
        return row is not None


class Landing:
    """Lands streams of one source over one connection (autocommit: each chunk is its own transaction).

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
        self.counts = LandingCounts()

    def land(self, stream: Iterator[StreamItem]) -> LandingCounts:
        """Stores a whole stream and answers what it saw; a cursor is stored with what stands before it."""
        self._connection.execute(_STAGE)
        received_at = datetime.now(UTC)
        chunk = _Chunk()
        for item in stream:
            if isinstance(item, Received):
                self._take(item, chunk, received_at)
            elif isinstance(item, Broken):
                chunk.broken.append((item, received_at))
            elif isinstance(item, FileTaken):
                chunk.files.append(item)
            elif isinstance(item, Cursor):
                chunk.cursors[item.stream] = item.state
            elif isinstance(item, Population):
                chunk.populations[item.object] = item.total
            else:
                raise TypeError(f"{self._source}: a stream holds no {type(item).__name__}")
            if len(chunk) >= self._chunk_size:
                self._store(chunk, received_at)
                chunk, received_at = _Chunk(), datetime.now(UTC)
        self._store(chunk, received_at)
        return self.counts

    def _take(self, item: Received, chunk: _Chunk, received_at: datetime) -> None:
        try:
            if self._honour_received_at and item.payload.get("received_at"):
                received_at = datetime.fromisoformat(str(item.payload["received_at"]))
            if "\x00" in item.source_id:
                raise document.MalformedDocument("a text holds the NUL character")
            text = document.canonical(item.payload)
            stored = document.encode(item.payload)
        except document.MalformedDocument as problem:
            broken = Broken(
                item.object,
                item.source_id.replace("\x00", ""),
                "unstorable_document",
                str(problem),
                document.encode(item.payload),
                batch=item.batch,
            )
            chunk.broken.append((broken, received_at))
            return
        chunk.records.append(
            (item.object, item.source_id, item.batch, received_at, hashlib.sha256(text).digest(), stored)
        )
        for address in item.addresses:
            self._remember(address, chunk)

    def _remember(self, address: RawAddress, chunk: _Chunk) -> None:
        if not address.raw or "\x00" in address.raw:
            return
        if address.kind == "email" and addresses.is_plain_email(address.raw):
            return
        # as SQL trims a text; other white space is left for the address's own reading
        key = (address.kind, address.raw.strip(" "), address.country or "")
        if key in self._seen_addresses:
            return
        if len(self._seen_addresses) >= _REMEMBERED_ADDRESSES:
            self._seen_addresses.clear()
        self._seen_addresses.add(key)
        chunk.addresses[key] = addresses.compared(address)

    def _store(self, chunk: _Chunk, received_at: datetime) -> None:
        connection = self._connection
        with connection.transaction(), connection.cursor() as cursor:
            if chunk.records:
                with cursor.copy(_COPY) as copy:
                    for position, (object_, source_id, batch, at, digest, payload) in enumerate(chunk.records):
                        copy.write_row((position, object_, source_id, batch, at, digest, payload.decode()))
                cursor.execute(_KEEP_NEW, {"source": self._source})
                self.counts.records_new += cursor.rowcount
            for broken, at in chunk.broken:
                cursor.execute(
                    "insert into raw.quarantine"
                    " (source, object, position, reason, field, detail, batch, received_at, digest, payload)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                    (
                        self._source,
                        broken.object,
                        broken.position,
                        broken.reason,
                        broken.field,
                        broken.detail,
                        broken.batch,
                        at,
                        hashlib.sha256(broken.raw).digest(),
                        broken.raw,
                    ),
                )
                self.counts.quarantined += cursor.rowcount
            if chunk.addresses:
                cursor.executemany(
                    "insert into raw.addresses (kind, raw, country, address) values (%s, %s, %s, %s)"
                    " on conflict do nothing",
                    [(*key, address) for key, address in chunk.addresses.items()],
                )
            for file in chunk.files:
                cursor.execute(
                    "insert into raw.files (source, digest, name, size, batch, received_at)"
                    " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
                    (self._source, file.digest, file.name, file.size, file.batch, received_at),
                )
            for object_, total in chunk.populations.items():
                cursor.execute(
                    "insert into raw.populations (source, object, counted_at, total) values (%s, %s, now(), %s)",
                    (self._source, object_, total),
                )
            for stream, state in chunk.cursors.items():
                cursor.execute(
                    "insert into raw.cursors (source, stream, state, committed_at) values (%s, %s, %s, now())"
                    " on conflict (source, stream) do update"
                    " set state = excluded.state, committed_at = excluded.committed_at",
                    (self._source, stream, json.dumps(dict(state))),
                )
        self.counts.records_seen += len(chunk.records) + len(chunk.broken)
        self.counts.files += len(chunk.files)
