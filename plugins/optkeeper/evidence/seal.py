"""Sealing: what has landed becomes leaves of a log, and a signed head says so, in the warehouse and outside it.

One transaction appends the leaves and the head, so that a seal that is killed leaves nothing; the next one begins where
the last head ends. What stands outside follows from what stands inside, and is caught up with at every seal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import psycopg

from optkeeper.delivery.storage import Destination
from optkeeper.evidence import climbing, landed, logs, merkle, tiles
from optkeeper.evidence.checkpoint import Head, HeadRejected, SigningKey, VerificationKey
from optkeeper.evidence.logs import Log
from optkeeper.evidence.outside import Outside

_LAST_HEAD = "select note from evidence.heads where log = %s order by head_id desc limit 1"
_MOMENT = """
update raw.receipt_clock
set last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')
returning last_at
"""
_LEAVES = "select hashes from evidence.tiles where log = %s and level = 0 and tile = any(%s) order by tile"
_TILES_AT_ONCE = 256


class LogBroken(Exception):
    """The log is not what was sealed: nothing is added to it. The text says what does not fit, and names no person."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one seal did to one log."""

    log: str
    size: int
    added: int


def seal(connection: psycopg.Connection[Any], key: SigningKey, destination: Destination) -> list[Sealed]:
    """Seals what has landed since the last time; only one seal runs at a time.

    Raises:
        LogBroken: the last head does not fit what stands in the warehouse, or the one outside does not.
        StorageError: the storage did not take the heads; the seal itself stands, and the next one writes them.
    """
    connection.execute("select pg_advisory_lock(hashtext('optkeeper.seal'))")
    try:
        return [_seal(connection, log, key, Outside(destination, log)) for log in logs.LOGS]
    finally:
        connection.execute("select pg_advisory_unlock(hashtext('optkeeper.seal'))")


def last_head(connection: psycopg.Connection[Any], log: Log, key: VerificationKey) -> tuple[Head, str] | None:
    """The last head of a log, and the note that says it; None before the first.

    Raises:
        LogBroken: it is not signed by the key.
    """
    row = connection.execute(_LAST_HEAD, (log.name,)).fetchone()
    if row is None:
        return None
    try:
        return Head.opened(row[0], key, log.origin(key.name)), row[0]
    except HeadRejected as problem:
        raise LogBroken(f"log {log.name}: the last head in the warehouse was replaced: {problem}") from None


def require_whole(connection: psycopg.Connection[Any], log: Log, head: Head, what: str) -> None:
    """Checks that the hashes in the warehouse lead to a head.

    Raises:
        LogBroken: they do not.
    """
    try:
        found = merkle.root(tiles.reader(connection, log.name), head.size)
    except tiles.TileMissing as problem:
        raise LogBroken(f"{what}, of {head.size} leaves, cannot be reached: {problem}") from None
    if found != head.root:
        raise LogBroken(
            f"log {log.name}: {what}, of {head.size} leaves, has another root than the log in the warehouse"
        )


def _seal(connection: psycopg.Connection[Any], log: Log, key: SigningKey, outside: Outside) -> Sealed:
    standing = last_head(connection, log, key.verification)
    before = standing[0] if standing else None
    if before is not None:
        require_whole(connection, log, before, "the last head in the warehouse")
    _require_outside(connection, log, key.verification, before, outside)
    until, upto = _boundary(connection, log)
    size = before.size if before else 0
    with TemporaryDirectory() as folder:
        written = Path(folder) / "leaves"
        with written.open("wb") as added, connection.transaction():
            growing = tiles.grown(connection, log.name, size)
            last = growing.ids[-1] if growing.ids else _last_number(connection, log, size)
            _append(connection, log, growing, last, upto, before, added)
            root = merkle.root(tiles.reader(connection, log.name), growing.size)
            head = Head(log.origin(key.name), growing.size, root, until)
            note = head.signed(key)
            connection.execute(
                "insert into evidence.heads (log, size, note) values (%s, %s, %s)", (log.name, head.size, note)
            )
        known = outside_head(log, key.verification, outside)
        reached = known.size if known else 0
        if reached != size:  # a seal broke off before it wrote outside
            with written.open("wb") as file:
                file.writelines(leaf_hashes(connection, log, reached, head.size))
        outside.keep(head, note, reached, written)
    return Sealed(log.name, head.size, head.size - size)


def _append(
    connection: psycopg.Connection[Any],
    log: Log,
    growing: tiles.Growing,
    last: int,
    upto: int,
    before: Head | None,
    added: IO[bytes],
) -> None:
    """Appends the leaves of the new rows, and writes them to a file; a row that claims to be older than the last head
    is left out, to be found."""
    until = None if before is None else before.received_until
    if log is logs.RECORDS:
        new = landed.leaves(connection, last, upto, until)
    else:
        new = logs.leaves_received_after(connection, log, last, upto, until)
    for (ids, hashes), above in climbing.ahead(new, growing.size, upto - last, tiles.WIDTH, tiles.HEIGHT):
        added.write(hashes)
        tiles.write(connection, log.name, growing.add(hashes, ids, above))
    tiles.write(connection, log.name, growing.rest())
    if log is logs.RECORDS:
        landed.forget(connection, upto)


def _boundary(connection: psycopg.Connection[Any], log: Log) -> tuple[datetime, int]:
    """A moment, and the number of the last row that was received until it: all those are committed, and later ones are
    received later (the clock of receipt sees to both)."""
    with connection.transaction():
        moment = connection.execute(_MOMENT.encode()).fetchone()
        last = connection.execute(f"select coalesce(max({log.number}), 0) from {log.table}".encode()).fetchone()  # noqa: S608  # constants
        reach = landed.reach(connection) if log is logs.RECORDS else 0
    assert moment is not None
    assert last is not None
    return moment[0], max(last[0], reach)


def _last_number(connection: psycopg.Connection[Any], log: Log, size: int) -> int:
    """The number of the row that the last leaf stands for, where the last tile is whole."""
    if not size:
        return 0
    last = tiles.last_row(connection, log.name, size // tiles.WIDTH - 1)
    if last is None:
        raise LogBroken(f"log {log.name}: the last tile is missing")
    return last


def _require_outside(
    connection: psycopg.Connection[Any], log: Log, key: VerificationKey, inside: Head | None, outside: Outside
) -> None:
    head = outside_head(log, key, outside)
    if head is None:
        heads = connection.execute("select count(*) from evidence.heads where log = %s", (log.name,)).fetchone()
        if heads is not None and heads[0] > 1:  # the first seal may have been killed before it wrote outside
            raise LogBroken(
                f"log {log.name}: {outside.place} is gone; copy it from where the heads were written before"
            )
        return
    if inside is None or head.size > inside.size:
        raise LogBroken(
            f"log {log.name}: the head outside has {head.size} leaves, the warehouse {inside.size if inside else 0}:"
            " leaves were taken away, or the warehouse was restored"
        )
    require_whole(connection, log, head, "the head outside")


def outside_head(log: Log, key: VerificationKey, outside: Outside) -> Head | None:
    """The newest head outside; None before the first.

    Raises:
        LogBroken: it is not signed by the key.
    """
    note = outside.latest()
    if note is None:
        return None
    try:
        return Head.opened(note, key, log.origin(key.name))
    except HeadRejected as problem:
        raise LogBroken(f"log {log.name}: the head at {outside.place} was replaced: {problem}") from None


def leaf_hashes(connection: psycopg.Connection[Any], log: Log, first: int, last: int) -> Iterator[bytes]:
    """The hashes of the leaves from `first` to before `last`, in portions."""
    width = tiles.WIDTH
    for start in range(first // width, (last + width - 1) // width, _TILES_AT_ONCE):
        numbers = list(range(start, min(start + _TILES_AT_ONCE, (last + width - 1) // width)))
        rows = connection.execute(_LEAVES, (log.name, numbers)).fetchall()
        hashes = b"".join(bytes(row[0]) for row in rows)
        begin, end = max(first - start * width, 0), min(last - start * width, len(numbers) * width)
        yield hashes[begin * merkle.HASH_BYTES : end * merkle.HASH_BYTES]
