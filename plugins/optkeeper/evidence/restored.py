"""The log after a restore: what was sealed since the backup is lost in the warehouse, and only the key can say so.

What a restored warehouse holds of the log must be the beginning of what stands outside; from there it goes on. Without
the signed statement every later check would report the lost leaves as taken away, and rightly.
"""

import base64
from datetime import UTC, datetime
from typing import Any

import psycopg

from optkeeper.delivery.storage import Destination
from optkeeper.evidence import logs, merkle
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.evidence.logs import Log
from optkeeper.evidence.outside import Outside
from optkeeper.evidence.seal import LogBroken, last_head, leaf_hashes, outside_head, require_whole

_KIND = "optkeeper restore 1"


def go_on(connection: psycopg.Connection[Any], key: SigningKey, destination: Destination) -> dict[str, int]:
    """Makes the last head of a restored warehouse the newest outside, where that holds more leaves; answers how many
    leaves each log has lost.

    Raises:
        LogBroken: what the warehouse holds is not the beginning of what stands outside, or it holds no head.
        StorageError: the storage did not answer, or did not take it.
    """
    connection.execute("select pg_advisory_lock(hashtext('optkeeper.seal'))")
    try:
        return {log.name: _go_on(connection, log, key, Outside(destination, log)) for log in logs.LOGS}
    finally:
        connection.execute("select pg_advisory_unlock(hashtext('optkeeper.seal'))")


def _go_on(connection: psycopg.Connection[Any], log: Log, key: SigningKey, outside: Outside) -> int:
    there = outside_head(log, key.verification, outside)
    found = last_head(connection, log, key.verification)
    if there is None:
        return 0
    if found is None:
        raise LogBroken(f"log {log.name}: the warehouse holds no head: it was not restored, or is another")
    here, note = found
    require_whole(connection, log, here, "the last head in the warehouse")
    if there.size <= here.size:
        require_whole(connection, log, there, "the head outside")
        return 0
    _require_beginning(connection, log, here.size, outside)
    moment = datetime.now(UTC)
    lines = [
        _KIND,
        log.origin(key.name),
        moment.isoformat(timespec="microseconds"),
        *(f"{head.size} {base64.b64encode(head.root).decode()}" for head in (there, here)),
    ]
    outside.go_on(key.signed("".join(f"{line}\n" for line in lines)), moment, here, note)
    return there.size - here.size


def _require_beginning(connection: psycopg.Connection[Any], log: Log, size: int, outside: Outside) -> None:
    for first, told in outside.leaves():
        upto = min(size, first + len(told) // merkle.HASH_BYTES)
        if upto > first and not told.startswith(b"".join(leaf_hashes(connection, log, first, upto))):
            raise LogBroken(f"log {log.name}: what the warehouse holds is not the beginning of what stands outside")
