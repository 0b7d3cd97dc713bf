"""The leaves that landing computed, a portion for each of its transactions, until the seal has appended them.

The rows themselves are wide, and are not read again for their leaves. Whether each row is as its leaf says is for the
check, not for the seal: a row that is changed, added or taken away in between is found like one of later.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg

from optkeeper.evidence import logs
from optkeeper.evidence.merkle import HASH_BYTES

# Stores the portion of what a statement `kept (record_id, received_at, leaf)` has inserted.
KEEP = """
insert into evidence.landed (first_id, last_id, ids, received_from, hashes)
select
    min(record_id), max(record_id),
    case when max(record_id) - min(record_id) >= count(*) then array_agg(record_id order by record_id) end,
    min(received_at), string_agg(leaf, ''::bytea order by record_id)
from kept
having count(*) > 0
"""
_PAGE = 8
_PORTIONS = f"""
select first_id, last_id, ids, received_from, hashes
from evidence.landed
where first_id > %s and last_id <= %s
order by first_id
limit {_PAGE}
"""  # noqa: S608  # constants


def reach(connection: psycopg.Connection[Any]) -> int:
    """The highest number of a row that a portion tells of; 0 where there is none."""
    row = connection.execute("select coalesce(max(last_id), 0) from evidence.landed").fetchone()
    return 0 if row is None else int(row[0])


def leaves(
    connection: psycopg.Connection[Any], after: int, upto: int, until: datetime | None
) -> Iterator[tuple[Sequence[int], bytes]]:
    """The records numbered above `after` and not above `upto`, as `logs.leaves`; computed where no portion tells them.

    Args:
        connection: the warehouse.
        after: the number that the first is above.
        upto: the number of the last.
        until: what claims to be received until this moment is left out, to be found by the check.
    """
    at = page = after
    while rows := connection.execute(_PORTIONS, (page, upto), binary=True).fetchall():
        held: list[tuple[Sequence[int], bytes]] = []
        for first, last, named, received_from, hashes in rows:
            page = first
            ids = range(first, last + 1) if named is None else named
            if first <= at or len(ids) * HASH_BYTES != len(hashes) or (until is not None and received_from <= until):
                continue
            if first > at + 1:
                yield from _joined(held)
                held.clear()
                yield from logs.leaves_received_after(connection, logs.RECORDS, at, first - 1, until)
            held.append((ids, hashes))
            at = last
        yield from _joined(held)
    yield from logs.leaves_received_after(connection, logs.RECORDS, at, upto, until)


def forget(connection: psycopg.Connection[Any], upto: int) -> None:
    """Takes the portions away that the seal has appended."""
    connection.execute("delete from evidence.landed where first_id <= %s", (upto,))


def _joined(portions: Sequence[tuple[Sequence[int], bytes]]) -> Iterator[tuple[Sequence[int], bytes]]:
    if not portions:
        return
    first, last = portions[0][0][0], portions[-1][0][-1]
    count = sum(len(ids) for ids, _ in portions)
    ids = range(first, last + 1) if last - first == count - 1 else [number for ids, _ in portions for number in ids]
    yield ids, b"".join(hashes for _, hashes in portions)
