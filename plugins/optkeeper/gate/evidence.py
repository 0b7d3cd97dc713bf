"""Whether what was received still stands as it was: digests computed again from payloads, leaves from rows."""

from collections.abc import Iterator
from typing import Any

import psycopg

from optkeeper.evidence import logs, merkle, tiles
from optkeeper.landing import document

_BATCH = 5_000


def recompute_for_candidate(connection: psycopg.Connection[Any]) -> None:
    """Keeps, for the evidence of every marketable row of the candidate, whether it is as received and as sealed.

    What was found sound before, and has not been written to since, is not computed again: neither the record's row, nor
    a tile that held leaves then. `optkeeper.evidence.check` reads everything anew, whatever the server says of a row.
    """
    with connection.transaction():
        connection.execute("lock table gate.recomputed_digests in share row exclusive mode")
        if connection.execute("select to_regclass('candidate.marketable_contacts')").fetchone() == (None,):
            connection.execute("delete from gate.recomputed_digests")
            return
        # rows and tiles in the versions that they have before they are read: what is written meanwhile gives others
        connection.execute(
            "create temporary table relied_on as"
            " select record_id, xmin as record_version, ctid as record_place from raw.records"
            " where record_id in (select evidence_record_id from candidate.marketable_contacts)"
        )
        connection.execute("analyze relied_on")
        _forget_what_was_touched(connection)
        _note_sealed(connection)
        connection.execute("delete from relied_on where record_id in (select record_id from gate.recomputed_digests)")
        records = "select record_id from relied_on"
        sealed = _sealed(connection, f"record_id in ({records})")
        sound = [
            record_id
            for record_id, is_as_received in judged(connection, f"where record_id in ({records})")
            if is_as_received and record_id in sealed
        ]
        connection.execute(
            "insert into gate.recomputed_digests (record_id, is_as_received, record_version, record_place)"
            " select record_id, record_id in (select unnest(%s::bigint[])), record_version, record_place"
            " from relied_on",
            (sound,),
        )
        connection.execute("drop table relied_on")


_TILES_BEFORE = (
    "select count(*) || ' ' || coalesce(sum(hashtextextended(tile || '|' || xmin || '|' || ctid, 0)::numeric), 0)"
    " from evidence.tiles where log = %(log)s and level = 0 and tile < %(tile)s"
)


def _forget_what_was_touched(connection: psycopg.Connection[Any]) -> None:
    known = connection.execute("select tile, first_id, tiles_before from gate.sealed_through").fetchone()
    if known is None or connection.execute(_TILES_BEFORE, _tile(known[0])).fetchone() != (known[2],):
        connection.execute("delete from gate.recomputed_digests")
        return
    connection.execute(
        "delete from gate.recomputed_digests where not is_as_received or record_id >= %s",
        (known[1],),
    )
    connection.execute(
        "delete from gate.recomputed_digests as known where not exists (select from relied_on"
        " where relied_on.record_id = known.record_id and relied_on.record_version = known.record_version"
        " and relied_on.record_place = known.record_place)"
    )


def _note_sealed(connection: psycopg.Connection[Any]) -> None:
    connection.execute("delete from gate.sealed_through")
    last = connection.execute(
        "select tile, first_id from evidence.tiles where log = %s and level = 0 order by tile desc limit 1",
        (logs.RECORDS.name,),
    ).fetchone()
    if last is not None and last[1] is not None:
        connection.execute(
            f"insert into gate.sealed_through (tile, first_id, tiles_before)"
            f" select %(tile)s, %(first_id)s, ({_TILES_BEFORE})".encode(),
            {**_tile(last[0]), "first_id": last[1]},
        )


def _tile(tile: int) -> dict[str, Any]:
    return {"log": logs.RECORDS.name, "tile": tile}


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
