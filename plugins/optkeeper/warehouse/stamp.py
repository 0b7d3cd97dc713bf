"""The stamp of the candidate marts: what the gate judged is what may be published, row for row."""

import hashlib
from typing import Any

import psycopg
from psycopg import sql

from optkeeper.warehouse import unpublished


def stamp(connection: psycopg.Connection[Any]) -> str:
    """A digest of all rows of the candidate marts that a publication could write, in whatever order they stand.

    Which those are is part of it, and so is the build's own row, so that another build under the same run id has
    another stamp, even where it gave the same rows.
    """
    named = unpublished.conditions(connection)
    summed = hashlib.sha256()
    for name in unpublished.tables(connection):
        # two sums of independent hashes: rows that are swapped for others do not cancel out by chance
        row = connection.execute(
            sql.SQL(
                "select count(*), sum(hash_record_extended(held, 0)::numeric),"
                " sum(hash_record_extended(held, 1)::numeric) from {} as held where {}"
            ).format(sql.Identifier(unpublished.CANDIDATE, name), sql.SQL(named.get(name, "true")))
        ).fetchone()
        summed.update(f"{name}|{named.get(name)}|{row}\n".encode())
    return summed.hexdigest()
