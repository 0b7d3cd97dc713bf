"""The stamp of the candidate marts: what the gate judged is what may be published, row for row."""

import hashlib
from typing import Any

import psycopg
from psycopg import sql

CANDIDATE = "candidate"


def stamp(connection: psycopg.Connection[Any]) -> str:
    """A digest of all rows of all candidate marts, in whatever order they stand.

    The build's own row is among them, so that another build under the same run id has another stamp, even where it
    gave the same rows.
    """
    summed = hashlib.sha256()
    for name in tables(connection):
        # two sums of independent hashes: rows that are swapped for others do not cancel out by chance
        row = connection.execute(
            sql.SQL(
                "select count(*), sum(hashtextextended(cast(held as text), 0)::numeric),"
                " sum(hashtextextended(cast(held as text), 1)::numeric) from {} as held"
            ).format(sql.Identifier(CANDIDATE, name))
        ).fetchone()
        summed.update(f"{name}|{row}\n".encode())
    return summed.hexdigest()


def tables(connection: psycopg.Connection[Any], schema: str = CANDIDATE) -> list[str]:
    """The tables of a schema by name, without those that dbt is making."""
    rows = connection.execute(
        "select table_name from information_schema.tables"
        " where table_schema = %s and table_type = 'BASE TABLE' and table_name not like '%%\\_\\_dbt\\_%%' order by 1",
        (schema,),
    ).fetchall()
    return [row[0] for row in rows]
