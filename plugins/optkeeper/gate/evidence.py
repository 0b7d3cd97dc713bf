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
    a tile that held leaves then. While the server counts no row of `raw.records` written over or taken away, no row is
    looked at for that. `optkeeper.evidence.check` reads everything anew, whatever the server says of a row.
    """
    with connection.transaction():
        connection.execute("lock table gate.recomputed_digests in share row exclusive mode")
        if connection.execute("select to_regclass('candidate.marketable_contacts')").fetchone() == (None,):
            connection.execute("delete from gate.recomputed_digests")
            return
        # counted, and rows and tiles in the versions that they have, before they are read: what is written meanwhile
        # gives others
        written_over = _written_over(connection)
        known = connection.execute("select records_written_over from gate.sealed_through").fetchone()
        _forget_what_was_touched(connection)
        if written_over is None or known != (written_over,):
            connection.execute(f"create temporary table relied_on as {_RELIED_ON}".encode())
            connection.execute("analyze relied_on")
            connection.execute(_FORGET_OTHER_VERSIONS)
            connection.execute(
                "delete from relied_on where record_id in (select record_id from gate.recomputed_digests)"
            )
        else:
            connection.execute(f"create temporary table relied_on as {_RELIED_ON_ANEW}".encode())
        connection.execute("analyze relied_on")
        _note_sealed(connection, written_over)
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


_RELIED_ON = (
    "select record_id, xmin as record_version, ctid as record_place from raw.records"
    " where record_id in (select evidence_record_id from candidate.marketable_contacts)"
)
_RELIED_ON_ANEW = (
    "select record_id, xmin as record_version, ctid as record_place from raw.records"
    " where record_id in (select evidence_record_id from candidate.marketable_contacts as listed where not exists"
    " (select from gate.recomputed_digests as known where known.record_id = listed.evidence_record_id))"
)
_FORGET_OTHER_VERSIONS = (
    "delete from gate.recomputed_digests as known where not exists (select from relied_on"
    " where relied_on.record_id = known.record_id and relied_on.record_version = known.record_version"
    " and relied_on.record_place = known.record_place)"
)
_TILES_BEFORE = (
    "select count(*) || ' ' || coalesce(sum(hashtextextended(tile || '|' || xmin || '|' || ctid, 0)::numeric), 0)"
    " from evidence.tiles where log = %(log)s and level = 0 and tile < %(tile)s"
)
# Of this table and not of another in its place, and since when the server counts: after a crash it counts anew. A
# session may keep its counts to itself for some seconds; a trigger taken away and an erasure are seen at once.
_WRITTEN_OVER = """
select case when current_setting('track_counts') = 'on' then concat_ws(
    ' ', pg_class.oid, pg_relation_filenode(pg_class.oid), pg_stat_get_tuples_updated(pg_class.oid),
    pg_stat_get_tuples_deleted(pg_class.oid), (select stats_reset from pg_stat_bgwriter),
    (select stats_reset from pg_stat_database where datname = current_database()),
    (select string_agg(concat_ws(' ', oid, xmin, tgenabled), ' ' order by oid) from pg_trigger
        where tgrelid = pg_class.oid and not tgisinternal),
    (select count(*) from evidence.erasures)
) end
from pg_class
where oid = 'raw.records'::regclass
"""


def _written_over(connection: psycopg.Connection[Any]) -> str | None:
    """What differs as soon as the server counts a row of `raw.records` written over or taken away, if it counts."""
    row = connection.execute(_WRITTEN_OVER).fetchone()
    return None if row is None else row[0]


def _forget_what_was_touched(connection: psycopg.Connection[Any]) -> None:
    """Forgets all where a tile was written to, and else what was not sound or not yet in a whole tile."""
    known = connection.execute("select tile, first_id, tiles_before from gate.sealed_through").fetchone()
    if known is None or connection.execute(_TILES_BEFORE, _tile(known[0])).fetchone() != (known[2],):
        connection.execute("delete from gate.recomputed_digests")
        return
    connection.execute(
        "delete from gate.recomputed_digests where not is_as_received or record_id >= %s",
        (known[1],),
    )


def _note_sealed(connection: psycopg.Connection[Any], written_over: str | None) -> None:
    connection.execute("delete from gate.sealed_through")
    last = connection.execute(
        "select tile, first_id from evidence.tiles where log = %s and level = 0 order by tile desc limit 1",
        (logs.RECORDS.name,),
    ).fetchone()
    if last is not None and last[1] is not None:
        connection.execute(
            f"insert into gate.sealed_through (tile, first_id, tiles_before, records_written_over)"
            f" select %(tile)s, %(first_id)s, ({_TILES_BEFORE}), %(written_over)s".encode(),
            {**_tile(last[0]), "first_id": last[1], "written_over": written_over},
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
