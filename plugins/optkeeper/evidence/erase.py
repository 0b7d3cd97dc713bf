"""Lawful erasure from a sealed log: rows go whole, their leaves stay, and a signed note says which and why."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from optkeeper.evidence import tiles
from optkeeper.evidence.checkpoint import HeadRejected, SigningKey, VerificationKey
from optkeeper.evidence.logs import Log

_KIND = "optkeeper erasure 1"


class NotSealed(Exception):
    """A row has no leaf yet; it is sealed first, so that its erasure can be shown."""


def erase(connection: psycopg.Connection[Any], key: SigningKey, log: Log, numbers: Sequence[int], ground: str) -> int:
    """Erases rows: content, salt and digest. Answers how many there were.

    Args:
        connection: the warehouse.
        key: signs the note, without which the next check reports the rows as taken away.
        log: the log that has sealed them.
        numbers: their numbers.
        ground: why, in one line without personal data.

    Raises:
        NotSealed: one of them has no leaf.
        ValueError: the ground is empty or more than a line.
    """
    if not ground.strip() or "\n" in ground:
        raise ValueError("an erasure has a ground, of one line")
    leaves = {number: tiles.leaf_of(connection, log.name, number) for number in numbers}
    without = [str(number) for number, leaf in leaves.items() if leaf is None]
    if without:
        raise NotSealed(f"log {log.name}: not sealed yet: {', '.join(without[:20])}")
    told = " ".join(str(leaf) for leaf in sorted(leaf for leaf in leaves.values() if leaf is not None))
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    note = key.signed(f"{_KIND}\n{log.origin(key.name)}\n{moment}\n{ground}\n{told}\n")
    row = connection.execute("select evidence.erase(%s, %s, %s)", (log.name, list(leaves), note)).fetchone()
    return 0 if row is None else int(row[0])


def erased_leaves(connection: psycopg.Connection[Any], log: Log, key: VerificationKey) -> tuple[set[int], list[int]]:
    """The leaves whose rows were lawfully erased, and the numbers of the notes that the key has not signed."""
    leaves: set[int] = set()
    forged = []
    for number, note in connection.execute(
        "select erasure_id, note from evidence.erasures where log = %s order by erasure_id", (log.name,)
    ).fetchall():
        try:
            kind, origin, _, _, told, _ = key.opened(note).split("\n")
            if (kind, origin) != (_KIND, log.origin(key.name)):
                raise HeadRejected("it is no note of this log")
            leaves.update(map(int, told.split()))
        except (HeadRejected, ValueError):
            forged.append(number)
    return leaves, forged
