"""The check of all evidence: every row is as it was received and sealed, and the log is the one that was signed.

What is found is named by row: altered, taken away, slipped in, or received later than it claims. What a head or the
copy of the leaves outside the warehouse contradicts is named too, also where the whole log was made anew from altered
rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psycopg

from optkeeper.delivery.storage import Destination
from optkeeper.evidence import logs, merkle, tiles
from optkeeper.evidence.checkpoint import Head, HeadRejected, VerificationKey
from optkeeper.evidence.erase import erased_leaves
from optkeeper.evidence.logs import Log
from optkeeper.evidence.outside import Outside
from optkeeper.evidence.seal import LogBroken, leaf_hashes, outside_head, require_whole
from optkeeper.gate import evidence as digests

_NAMED = 20
_TILES = """
select hashes, ids, first_id
from evidence.tiles
where log = %s and level = 0 and tile >= %s and tile < %s
order by tile
"""
_TILES_AT_ONCE = logs.PORTION // tiles.WIDTH


class EvidenceAltered(Exception):
    """What was received or sealed is no longer what it was. The text names rows by number only."""

    def __init__(self, findings: Sequence["Finding"]) -> None:
        """Names every finding."""
        super().__init__("; ".join(finding.told for finding in findings))
        self.findings = list(findings)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that does not fit; `rows` are the numbers of the log's rows, as far as it is about rows."""

    log: str
    what: str
    rows: tuple[int, ...] = ()

    @property
    def told(self) -> str:
        """In one line."""
        if not self.rows:
            return f"{self.log}: {self.what}"
        named = ", ".join(map(str, self.rows[:_NAMED])) + (", …" if len(self.rows) > _NAMED else "")
        return f"{self.log}: {len(self.rows)} {self.what}: {named}"


ALTERED = "not as they were sealed"
TAKEN_AWAY = "taken away"
SLIPPED_IN = "slipped in among what was sealed"
BACKDATED = "slipped in with an old date"
STANDS_ERASED = "still there although they were erased"
OTHER_CONTENT = "whose content has another digest"
OTHER_LEAF = "whose leaf outside the warehouse is another"


@dataclass(slots=True)
class Checked:
    """How much was checked: rows by log."""

    rows: dict[str, int]


def check(connection: psycopg.Connection[Any], key: VerificationKey, destination: Destination) -> Checked:
    """Checks every log.

    Raises:
        EvidenceAltered: something does not fit; every finding is in it.
        StorageError: the storage did not answer.
    """
    findings: list[Finding] = []
    checked = Checked({})
    connection.execute("select pg_advisory_lock(hashtext('optkeeper.seal'))")  # what stands outside is of the same seal
    try:
        for log in logs.LOGS:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                checked.rows[log.name] = _check(connection, log, key, Outside(destination, log), findings)
    finally:
        connection.execute("select pg_advisory_unlock(hashtext('optkeeper.seal'))")
    if findings:
        raise EvidenceAltered(findings)
    return checked


def _check(
    connection: psycopg.Connection[Any], log: Log, key: VerificationKey, outside: Outside, findings: list[Finding]
) -> int:
    heads, heads_hold = _heads(connection, log, key, outside, findings)
    size = heads[-1].size if heads else _width(connection, log)
    rows = _leaves(connection, log, key, size, heads, findings)
    if not heads_hold:
        others, only_outside = _others_outside(connection, log, outside)
        if others:
            findings.append(Finding(log.name, OTHER_LEAF, tuple(others)))
        if only_outside:
            findings.append(Finding(log.name, f"{only_outside} leaves stand outside the warehouse and no longer in it"))
    if log is logs.RECORDS:
        altered = [number for number, is_as_received in digests.judged(connection) if not is_as_received]
        if altered:
            findings.append(Finding(log.name, OTHER_CONTENT, tuple(altered)))
    return rows


def _heads(
    connection: psycopg.Connection[Any], log: Log, key: VerificationKey, outside: Outside, findings: list[Finding]
) -> tuple[list[Head], bool]:
    """The heads that are signed, and whether all of them, and the one outside, fit the log."""
    heads: list[Head] = []
    before = len(findings)
    for number, note in connection.execute(
        "select head_id, note from evidence.heads where log = %s order by head_id", (log.name,)
    ).fetchall():
        try:
            head = Head.opened(note, key, log.origin(key.name))
            if heads and (head.size < heads[-1].size or head.received_until <= heads[-1].received_until):
                raise HeadRejected("it stands behind a later one")
            require_whole(connection, log, head, f"head {number}")
            heads.append(head)
        except HeadRejected as problem:
            findings.append(Finding(log.name, f"head {number} was replaced: {problem}"))
        except LogBroken as problem:
            findings.append(Finding(log.name, str(problem)))
            heads.append(head)
    try:
        told = outside_head(log, key, outside)
        if told is not None and (not heads or told.size > heads[-1].size):
            findings.append(Finding(log.name, f"the head outside has {told.size} leaves, more than the warehouse"))
        elif told is not None:
            require_whole(connection, log, told, "the head outside")
        elif heads:
            findings.append(Finding(log.name, f"no head stands at {outside.place}"))
    except LogBroken as problem:
        findings.append(Finding(log.name, str(problem)))
    return heads, len(findings) == before


def _leaves(
    connection: psycopg.Connection[Any], log: Log, key: VerificationKey, size: int, heads: Sequence[Head],
    findings: list[Finding],
) -> int:  # fmt: skip
    """Compares every sealed row with its leaf, and looks for rows without one; answers how many rows there are."""
    erased, forged = erased_leaves(connection, log, key)
    findings.extend(Finding(log.name, f"the note of erasure {number} is not signed by the key") for number in forged)
    found: dict[str, list[int]] = {what: [] for what in (ALTERED, TAKEN_AWAY, SLIPPED_IN, STANDS_ERASED, BACKDATED)}
    growing = tiles.Growing()
    made: list[tiles.Tile] = []
    last = rows = 0
    for ids, hashes in _sealed(connection, log, size):
        made.extend(tile for tile in growing.add(hashes, ids) if tile.level)
        there: dict[int, set[bytes]] = {}
        for edition in logs.EDITIONS:
            standing = list(logs.leaves(connection, log, last, ids[-1], edition=edition))
            if standing == [(ids, hashes)]:
                rows += len(ids)
                break
            for numbers, leaves in standing:
                for number, leaf in zip(numbers, merkle.split(leaves), strict=True):
                    there.setdefault(number, set()).add(leaf)
        else:
            rows += len(there)
            first = growing.size - len(ids)
            _compare(ids, hashes, there, {leaf - first for leaf in erased}, found)
        altered = set(found[ALTERED])
        backdated = _backdated(connection, log, heads, growing.size - len(ids), ids)
        found[BACKDATED] += (number for number in backdated if number not in altered)
        last = ids[-1]
    made.extend(tile for tile in growing.rest() if tile.level)
    _compare_tiles(connection, log, size, growing.size, made, findings)
    if heads:
        for numbers, _ in logs.leaves(
            connection, log, last, logs.LAST, "received_at <= %(until)s", until=heads[-1].received_until
        ):
            found[BACKDATED] += numbers
            rows += len(numbers)
    findings.extend(Finding(log.name, what, tuple(numbers)) for what, numbers in found.items() if numbers)
    return rows


def _compare(
    ids: Sequence[int],
    hashes: bytes,
    there: dict[int, set[bytes]],
    erased: set[int],
    found: dict[str, list[int]],
) -> None:
    """Sorts out what does not fit: the leaves that were sealed beside those that stand there, in every edition."""
    for place, (number, leaf) in enumerate(zip(ids, merkle.split(hashes), strict=True)):
        stands = there.pop(number, None)
        if place in erased:
            if stands is not None:
                found[STANDS_ERASED].append(number)
        elif stands is None:
            found[TAKEN_AWAY].append(number)
        elif leaf not in stands:
            found[ALTERED].append(number)
    found[SLIPPED_IN] += there


def _backdated(
    connection: psycopg.Connection[Any], log: Log, heads: Sequence[Head], first: int, ids: Sequence[int]
) -> Iterator[int]:
    """The sealed rows that claim to be received before the head that stood when they were sealed; `first` is the leaf
    of the first."""
    for before, head in pairwise(heads):
        begin, end = max(before.size - first, 0), min(head.size - first, len(ids))
        if begin < end:
            rows = connection.execute(
                f"select {log.number} from {log.table} where {log.number} between %s and %s"  # noqa: S608  # constants
                f" and received_at <= %s order by {log.number}".encode(),
                (ids[begin], ids[end - 1], before.received_until),
            ).fetchall()
            sealed = set(ids[begin:end]) if rows else set()
            yield from (number for (number,) in rows if number in sealed)


def _compare_tiles(
    connection: psycopg.Connection[Any],
    log: Log,
    size: int,
    found: int,
    made: list[tiles.Tile],
    findings: list[Finding],
) -> None:
    """The tiles above the leaves are what the leaves make."""
    rows = connection.execute(
        "select level, tile, hashes from evidence.tiles where log = %s and level > 0", (log.name,)
    ).fetchall()
    stored = {(level, number): bytes(hashes) for level, number, hashes in rows}
    if found != size or {(tile.level, tile.number): tile.hashes for tile in made} != stored:
        findings.append(Finding(log.name, f"its tiles are not those of {size} leaves"))


def _sealed(connection: psycopg.Connection[Any], log: Log, size: int) -> Iterator[tuple[list[int], bytes]]:
    """The rows and hashes of the leaves, in portions."""
    count = (size + tiles.WIDTH - 1) // tiles.WIDTH
    for start in range(0, count, _TILES_AT_ONCE):
        ids: list[int] = []
        hashes = b""
        for tile in connection.execute(_TILES, (log.name, start, min(start + _TILES_AT_ONCE, count))).fetchall():
            hashes += bytes(tile[0])
            ids += tiles.rows_of(bytes(tile[0]), *tile[1:])
        if len(ids) * merkle.HASH_BYTES != len(hashes):
            continue  # the heads tell
        if ids:
            yield ids, hashes


def _width(connection: psycopg.Connection[Any], log: Log) -> int:
    row = connection.execute(
        "select coalesce(sum(length(hashes)), 0) from evidence.tiles where log = %s and level = 0", (log.name,)
    ).fetchone()
    return int(row[0]) // merkle.HASH_BYTES if row else 0


def _others_outside(connection: psycopg.Connection[Any], log: Log, outside: Outside) -> tuple[list[int], int]:
    """The rows whose leaf is another outside the warehouse than in it, and how many leaves stand only outside."""
    rows: list[int] = []
    only_outside = 0
    for first, told in outside.leaves():
        count = len(told) // merkle.HASH_BYTES
        stands = b"".join(leaf_hashes(connection, log, first, first + count))
        only_outside += count - len(stands) // merkle.HASH_BYTES
        if not told.startswith(stands):
            numbers = _numbers(connection, log, first, count)
            pairs = zip(numbers, merkle.split(stands), merkle.split(told), strict=False)
            rows += [number for number, here, there in pairs if here != there]
    return rows, only_outside


def _numbers(connection: psycopg.Connection[Any], log: Log, first: int, count: int) -> list[int]:
    start, end = first // tiles.WIDTH, (first + count + tiles.WIDTH - 1) // tiles.WIDTH
    found = connection.execute(_TILES, (log.name, start, end)).fetchall()
    told = [number for hashes, *ids in found for number in tiles.rows_of(bytes(hashes), *ids)]
    return told[first - start * tiles.WIDTH :][:count]
