"""The planner's statistics of the candidate: without them it may join large tables row by row."""

from typing import Any

import psycopg
from psycopg import sql

_OUTDATED = """
select pg_class.relname
from pg_class
inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
where
    pg_namespace.nspname = %s
    and pg_class.relkind = 'r'
    and (
        pg_class.reltuples < 0
        or coalesce(pg_stat_get_mod_since_analyze(pg_class.oid), 0) > pg_class.reltuples * 0.05
    )
order by pg_class.relname
"""


def refresh(connection: psycopg.Connection[Any], schema: str) -> None:
    """Reads a sample of each table of a schema that has none yet, or of which a twentieth has changed since."""
    for (name,) in connection.execute(_OUTDATED.encode(), (schema,)).fetchall():
        connection.execute(sql.SQL("analyze {}.{}").format(sql.Identifier(schema), sql.Identifier(name)))
