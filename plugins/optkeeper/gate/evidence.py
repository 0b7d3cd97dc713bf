"""Whether what was received still stands as it was: digests computed again from payloads, leaves from rows."""

from collections.abc import Iterator
from typing import Any

import psycopg

from optkeeper.evidence import logs, merkle, tiles
from optkeeper.landing import document

_BATCH = 5_000


def recompute_for_candidate(connection: psycopg.Connection[Any]) -> None:
    """Keeps, for the evidence of every marketable row of the candidate, whether it is as received and as sealed."""
    connection.execute("truncate gate.recomputed_digests")
    if connection.execute("select to_regclass('candidate.marketable_contacts')").fetchone() == (None,):
        return
    records = "select evidence_record_id from candidate.marketable_contacts"
    sealed = _sealed(connection, f"record_id in ({records})")
    found = [
        (record_id, is_as_received and record_id in sealed)
        for record_id, is_as_received in judged(connection, f"where record_id in ({records})")
    ]
    with connection.cursor() as cursor:
        cursor.executemany("insert into gate.recomputed_digests (record_id, is_as_received) values (%s, %s)", found)


def _sealed(connection: psycopg.Connection[Any], condition: str) -> set[int]:
    """The numbers of the records of which a leaf says what they are, in whichever edition it was written."""
    sealed: set[int] = set()
    for edition in logs.EDITIONS:
        find = tiles.finder(connection, logs.RECORDS.name)
        others = False
        for numbers, leaves in logs.leaves(connection, logs.RECORDS, 0, logs.LAST, condition, edition=edition):
            hold = {number for number, leaf in zip(numbers, merkle.split(leaves), strict=True) if find(number) == leaf}
            others |= len(hold) < len(numbers)
            sealed |= hold
        if not others:
            break
    return sealed


def judged(connection: psycopg.Connection[Any], narrowed: str = "") -> Iterator[tuple[int, bool]]:
    """Each record's number, and whether its payload still has its digest; read in portions, in one snapshot."""
    with connection.transaction(), connection.cursor(name="digests") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            f"select record_id, digest, cast(payload as text) from raw.records {narrowed} order by record_id".encode()
        )
        for record_id, digest, payload in cursor:
            yield record_id, _digest(payload) == bytes(digest)


def _digest(payload: str) -> bytes | None:
    """The digest of a stored payload; none where it is no document that could have landed."""
    try:
        return document.digest(document.decode(payload.encode()))
    except (document.MalformedDocument, AttributeError, TypeError):
        return None
