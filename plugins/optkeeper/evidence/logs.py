"""The logs of evidence: which rows of `raw` each seals, and what exactly a leaf says of its row.

A leaf's data is SHA-256(salt || statement). The salt is random and goes with its row when that is lawfully erased: what
is left then tells nothing of it. The statement is text, a line for each field:

* its kind, as `record 1`; its number; the microsecond that it was received, in seconds since 1970 with six decimals;
  the SHA-256 of its content in hexadecimal;
* then the other fields in the order of `Log.fields`: `-` for none, else the number of octets, a colon, and the text.

The SQL below and `statement` write the same octets, so that a dossier can be checked without the warehouse.
"""

import hashlib
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import psycopg

PORTION = 1 << 16
READERS = 2
LAST = 2**63 - 1  # above every number of a row


@dataclass(frozen=True, slots=True)
class Log:
    """One log: the rows of one table of `raw`, in the order of their numbers."""

    name: str
    kind: str
    table: str
    number: str
    fields: tuple[str, ...]

    @property
    def leaf(self) -> str:
        """SQL: the hash of the leaf that stands for a row."""
        fields = ", ".join(
            f"coalesce(octet_length({name}) || ':' || {name}, '-')"
            for name in (f"cast({one} as text)" for one in self.fields)
        )
        statement = (
            f"concat_ws(e'\\n', '{self.kind} 1', {self.number}, extract(epoch from received_at), encode(digest, 'hex'),"
            f" {fields}, '')"
        )
        return f"sha256('\\x00'::bytea || sha256(uuid_send(salt) || convert_to({statement}, 'UTF8')))"

    def origin(self, key_name: str) -> str:
        """The log's name in its heads."""
        return f"{key_name}/{self.name}"


RECORDS = Log(
    "records", "record", "raw.records", "record_id",
    ("source", "object", "source_id", "batch", "broken_reason", "is_excerpt"),
)  # fmt: skip
QUARANTINE = Log(
    "quarantine", "quarantined", "raw.quarantine", "quarantine_id",
    ("source", "object", "position", "delivery", "reason", "field", "detail", "batch"),
)  # fmt: skip
LOGS = (RECORDS, QUARANTINE)


def named(name: str) -> Log:
    """The log of a name.

    Raises:
        LookupError: there is none.
    """
    for log in LOGS:
        if log.name == name:
            return log
    raise LookupError(f"there is no log {name!r}")


def statement(log: Log, row: Mapping[str, Any]) -> bytes:
    """What the leaf of a row says, before it is salted; `digest` is given in hexadecimal."""
    received_at: datetime = row["received_at"]
    whole = received_at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = Decimal(whole.days * 86_400 + whole.seconds) + Decimal(whole.microseconds).scaleb(-6)
    lines = [f"{log.kind} 1", str(row[log.number]), f"{seconds:.6f}", str(row["digest"])]
    return "".join(f"{line}\n" for line in [*lines, *(_told(row.get(name)) for name in log.fields)]).encode()


def leaf_data(log: Log, row: Mapping[str, Any], salt: UUID) -> bytes:
    """The data of the leaf that stands for a row."""
    return hashlib.sha256(salt.bytes + statement(log, row)).digest()


def leaves(
    connection: psycopg.Connection[Any], log: Log, after: int, upto: int, condition: str = "true", **values: Any
) -> Iterator[tuple[Sequence[int], bytes]]:
    """The rows of a log numbered above `after` and not above `upto`, in portions: their numbers, and their leaves'
    hashes in a row.

    Args:
        connection: the warehouse.
        log: the log.
        after: the number that the first is above.
        upto: the number of the last.
        condition: SQL that the rows fulfil, with `values`.
        values: the parameters of the condition.
    """
    query = _query(log, condition)
    while True:
        ids, hashes = _portion(connection, query, {"after": after, "upto": upto, **values})
        if ids:
            yield ids, hashes
        if len(ids) < PORTION:
            return
        after = ids[-1]


def leaves_ahead(
    connection: psycopg.Connection[Any], log: Log, after: int, upto: int, condition: str = "true", **values: Any
) -> Iterator[tuple[Sequence[int], bytes]]:
    """As `leaves`, but read ahead by sessions of their own while the caller works; for rows that are committed.

    The portions come in order; where there is but one, the connection itself reads it.
    """
    if upto - after <= PORTION:
        yield from leaves(connection, log, after, upto, condition, **values)
        return
    query = _query(log, condition)
    address: dict[str, Any] = {**connection.info.get_parameters(), "password": connection.info.password or None}
    with ExitStack() as opened:
        idle: SimpleQueue[psycopg.Connection[Any]] = SimpleQueue()
        for _ in range(READERS):
            idle.put(opened.enter_context(psycopg.connect(**address, autocommit=True)))

        def read(first: int, last: int) -> tuple[Sequence[int], bytes]:
            reader = idle.get()
            try:
                return _portion(reader, query, {"after": first, "upto": last, **values})
            finally:
                idle.put(reader)

        pool = opened.enter_context(ThreadPoolExecutor(READERS))
        opened.callback(pool.shutdown, cancel_futures=True)
        running: deque[Future[tuple[Sequence[int], bytes]]] = deque()
        for first in range(after, upto, PORTION):
            running.append(pool.submit(read, first, min(first + PORTION, upto)))
            if len(running) > 2 * READERS:
                yield from _held(running.popleft())
        for one in running:
            yield from _held(one)


def _held(portion: "Future[tuple[Sequence[int], bytes]]") -> Iterator[tuple[Sequence[int], bytes]]:
    ids, hashes = portion.result()
    if ids:
        yield ids, hashes


def _query(log: Log, condition: str) -> bytes:
    return (
        f"select string_agg(int8send(id), ''::bytea), string_agg(leaf, ''::bytea)"  # noqa: S608  # constants
        f" from (select {log.number} as id, {log.leaf} as leaf from {log.table}"
        f" where {log.number} > %(after)s and {log.number} <= %(upto)s and ({condition})"
        f" order by {log.number} limit {PORTION}) as portion"
    ).encode()


def _portion(
    connection: psycopg.Connection[Any], query: bytes, values: Mapping[str, Any]
) -> tuple[Sequence[int], bytes]:
    row = connection.execute(query, values, binary=True).fetchone()
    if row is None or row[0] is None:
        return [], b""
    ids = array("q", bytes(row[0]))
    if sys.byteorder == "little":
        ids.byteswap()
    return ids.tolist(), bytes(row[1])


def _told(value: object) -> str:
    if value is None:
        return "-"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{len(text.encode())}:{text}"
