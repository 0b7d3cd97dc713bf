"""The logs of evidence: which rows of `raw` each seals, and what exactly a leaf says of its row.

A leaf's data is the row's salt, 16 octets, and its statement; the leaf is their hash. The salt is random and goes with
its row when that is lawfully erased: what is left then tells nothing of it. The statement of edition 2 is

* text: the kind, as `record 2`; the number; for each of `Log.texts` the number of its octets, empty for none; for each
  of `Log.flags` t or f; all with commas between; a colon; and the texts that are there, one behind the other;
* the microseconds from 2000-01-01 UTC to when it was received, as 8 octets, and the SHA-256 of its content.

Edition 1, in which older leaves were written, took longer to compute. Its leaf's data is SHA-256(salt || statement),
and its statement is text, a line for each field:

* its kind, as `record 1`; its number; when it was received, in seconds since 1970 with six decimals; the SHA-256 of its
  content in hexadecimal;
* then the texts and the flags: `-` for none, else the number of octets, a colon, and the text (`true`, `false`).

A row's leaf is of either edition: data of edition 1 is 32 octets long and data of edition 2 longer, so that no row's
leaf of the one is another row's of the other. The SQL below and `statement` write the same octets, so that a dossier
can be checked without the warehouse.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from optkeeper.evidence.merkle import HASH_BYTES

PORTION = 1 << 16
LAST = 2**63 - 1  # above every number of a row
EDITIONS = (2, 1)  # of a leaf; new ones are written in the first
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Log:
    """One log: the rows of one table of `raw`, in the order of their numbers."""

    name: str
    kind: str
    table: str
    number: str
    texts: tuple[str, ...]
    flags: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that a leaf speaks of, beside number, receipt and digest."""
        return self.texts + self.flags

    def leaf(self, edition: int) -> str:
        """SQL: the hash of the leaf that stands for a row."""
        if edition == 1:
            fields = ", ".join(
                f"coalesce(octet_length({name}) || ':' || {name}, '-')"
                for name in (f"cast({one} as text)" for one in self.fields)
            )
            text = (
                f"concat_ws(e'\\n', '{self.kind} 1', {self.number}, extract(epoch from received_at),"
                f" encode(digest, 'hex'), {fields}, '')"
            )
            return f"sha256('\\x00'::bytea || sha256(uuid_send(salt) || convert_to({text}, 'UTF8')))"
        told = ", ',', ".join((self.number, *(f"octet_length({name})" for name in self.texts), *self.flags))
        text = f"concat('{self.kind} 2,', {told}, ':', {', '.join(self.texts)})"
        return (
            f"sha256('\\x00'::bytea || uuid_send(salt) || convert_to({text}, 'UTF8') || timestamptz_send(received_at)"
            " || digest)"
        )

    def origin(self, key_name: str) -> str:
        """The log's name in its heads."""
        return f"{key_name}/{self.name}"


RECORDS = Log(
    "records", "record", "raw.records", "record_id",
    ("source", "object", "source_id", "batch", "broken_reason"), ("is_excerpt",),
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


def statement(log: Log, row: Mapping[str, Any], edition: int) -> bytes:
    """What the leaf of a row says, before it is salted; `digest` is given in hexadecimal."""
    received_at: datetime = row["received_at"]
    if edition == 1:
        whole = received_at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = Decimal(whole.days * 86_400 + whole.seconds) + Decimal(whole.microseconds).scaleb(-6)
        lines = [f"{log.kind} 1", str(row[log.number]), f"{seconds:.6f}", str(row["digest"])]
        return "".join(f"{line}\n" for line in [*lines, *(_told(row.get(name)) for name in log.fields)]).encode()
    texts = [None if row.get(name) is None else str(row[name]).encode() for name in log.texts]
    told = [
        f"{log.kind} 2", str(row[log.number]), *("" if text is None else str(len(text)) for text in texts),
        *("t" if row[name] else "f" for name in log.flags),
    ]  # fmt: skip
    microseconds = (received_at - _SINCE) // timedelta(microseconds=1)
    return b"".join(
        (
            ",".join(told).encode(),
            b":",
            *filter(None, texts),
            microseconds.to_bytes(8, "big", signed=True),
            bytes.fromhex(str(row["digest"])),
        )
    )


def leaf_data(log: Log, row: Mapping[str, Any], salt: UUID, edition: int) -> bytes:
    """The data of the leaf that stands for a row, in an edition."""
    data = salt.bytes + statement(log, row, edition)
    return hashlib.sha256(data).digest() if edition == 1 else data


def leaves(
    connection: psycopg.Connection[Any], log: Log, after: int, upto: int, condition: str = "true", *,
    edition: int = EDITIONS[0], **values: Any,
) -> Iterator[tuple[Sequence[int], bytes]]:  # fmt: skip
    """The rows of a log numbered above `after` and not above `upto`, in portions: their numbers, and their leaves'
    hashes in a row.

    Args:
        connection: the warehouse.
        log: the log.
        after: the number that the first is above.
        upto: the number of the last.
        condition: SQL that the rows fulfil, with `values`.
        edition: in which the leaves are written.
        values: the parameters of the condition.
    """
    while True:
        ids, hashes = _portion(connection, log, condition, edition, {"after": after, "upto": upto, **values})
        if ids:
            yield ids, hashes
        if len(ids) < PORTION:
            return
        after = ids[-1]


def leaves_received_after(
    connection: psycopg.Connection[Any], log: Log, after: int, upto: int, until: datetime | None
) -> Iterator[tuple[Sequence[int], bytes]]:
    """As `leaves`, without the rows that claim to be received until a moment, if there is one."""
    if until is None:
        return leaves(connection, log, after, upto)
    return leaves(connection, log, after, upto, "received_at > %(until)s", until=until)


def _portion(
    connection: psycopg.Connection[Any], log: Log, condition: str, edition: int, values: Mapping[str, Any]
) -> tuple[Sequence[int], bytes]:
    """Leaves in a row. Their numbers are asked for only where they are not all from the first to the last."""
    if condition == "true":
        found = _asked(connection, log, condition, edition, "min(id), max(id)", values)
        if found is None:
            return [], b""
        ids = list(range(found[0], found[1] + 1))
        if len(ids) * HASH_BYTES == len(found[2]):
            return ids, bytes(found[2])
    found = _asked(connection, log, condition, edition, "string_agg(int8send(id), ''::bytea), null", values)
    if found is None:
        return [], b""
    numbers = array("q", bytes(found[0]))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tolist(), bytes(found[2])


def _asked(
    connection: psycopg.Connection[Any], log: Log, condition: str, edition: int, numbers: str, values: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    row = connection.execute(
        f"select {numbers}, string_agg(leaf, ''::bytea)"  # noqa: S608  # constants
        f" from (select {log.number} as id, {log.leaf(edition)} as leaf from {log.table}"
        f" where {log.number} > %(after)s and {log.number} <= %(upto)s and ({condition})"
        f" order by {log.number} limit {PORTION}) as portion".encode(),
        values,
        binary=True,
    ).fetchone()
    return None if row is None or row[2] is None else row


def _told(value: object) -> str:
    if value is None:
        return "-"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{len(text.encode())}:{text}"
