"""Whether what was received still stands as it was received: digests computed again from the payloads."""

from collections.abc import Iterator
from typing import Any

import psycopg

from optkeeper.landing import document

_BATCH = 5_000


class EvidenceAltered(Exception):
    """Records no longer have the digest that they were received with. The text names them by number only."""


def recompute_for_candidate(connection: psycopg.Connection[Any]) -> None:
    """Keeps, for the evidence of every marketable row of the candidate, whether it is as received."""
    connection.execute("truncate gate.recomputed_digests")
    if connection.execute("select to_regclass('candidate.marketable_contacts')").fetchone() == (None,):
        return
    records = "select distinct evidence_record_id as record_id from candidate.marketable_contacts"
    judged = list(_judged(connection, f"inner join ({records}) as evidence using (record_id)"))
    with connection.cursor() as cursor:
        cursor.executemany("insert into gate.recomputed_digests (record_id, is_as_received) values (%s, %s)", judged)


def check_all(connection: psycopg.Connection[Any]) -> int:
    """Computes every digest of `raw.records` again; answers how many records that were.

    Raises:
        EvidenceAltered: some are not as they were received.
    """
    checked, altered = 0, []
    for record_id, is_as_received in _judged(connection, ""):
        checked += 1
        if not is_as_received:
            altered.append(record_id)
    if altered:
        named = ", ".join(map(str, altered[:20])) + (", …" if len(altered) > 20 else "")
        raise EvidenceAltered(f"{len(altered)} of {checked} records in raw are not as received: {named}")
    return checked


def _judged(connection: psycopg.Connection[Any], narrowed: str) -> Iterator[tuple[int, bool]]:
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
