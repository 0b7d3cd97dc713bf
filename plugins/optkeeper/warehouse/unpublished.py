"""What of the candidate can differ from what is published: all of it, or the rows that daily builds replaced since.

The stamp, the gate and the publication ask here, so that what is judged is what can be published.
"""

from typing import Any

import psycopg

from optkeeper import daily

CANDIDATE = "candidate"
PUBLISHED = "published"
_TODAY = "(select decided_on from {builds})"
# shown and not stored: what these hold follows from the row and the build's business date
BY_THE_CALENDAR = {"decided_on": _TODAY, "days_left": f"expires_on - {_TODAY}"}
DATED = "builds"  # the one row that the date comes from


def conditions(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The marts of which only named rows can differ, each with the condition that names them.

    Any row of the others can; of all, where this is empty: nothing is published, something was built in full since, or
    a mart's shape differs.
    """
    kept_since = daily.unpublished_since(connection)
    if kept_since is None or kept_since != last_publication(connection):
        return {}
    named = daily.unpublished()
    if any(shape(connection, PUBLISHED, name) != shape(connection, CANDIDATE, name) for name in named):
        return {}
    return named


def last_publication(connection: psycopg.Connection[Any]) -> str | None:
    """The run whose marts are published."""
    last = connection.execute("select run_id from marts.publications order by published_at desc limit 1").fetchone()
    return None if last is None else str(last[0])


def tables(connection: psycopg.Connection[Any], schema: str = CANDIDATE) -> list[str]:
    """The tables of a schema by name, without those that dbt is making."""
    rows = connection.execute(
        "select table_name from information_schema.tables"
        " where table_schema = %s and table_type = 'BASE TABLE' and table_name not like '%%\\_\\_dbt\\_%%' order by 1",
        (schema,),
    ).fetchall()
    return [row[0] for row in rows]


def shape(connection: psycopg.Connection[Any], schema: str, name: str) -> list[tuple[Any, ...]]:
    """Columns, constraints and indexes that are stored; a table of another shape than its candidate is made anew."""
    unstored = by_the_calendar(name)
    columns = connection.execute(
        "select column_name, data_type, is_nullable from information_schema.columns"
        " where table_schema = %s and table_name = %s and column_name <> all(%s) order by ordinal_position",
        (schema, name, unstored),
    ).fetchall()
    constraints = connection.execute(
        "select contype::text, replace(replace(pg_get_constraintdef(c.oid), %s, ''), ' DEFERRABLE', '')"
        " from pg_constraint c join pg_class r on r.oid = c.conrelid join pg_namespace n on n.oid = r.relnamespace"
        " where n.nspname = %s and r.relname = %s and not exists ("
        "  select from pg_attribute as a where a.attrelid = r.oid and a.attnum = any(c.conkey) and a.attname = any(%s)"
        " ) order by 1, 2",
        (f"{schema}.", schema, name, unstored),
    ).fetchall()
    indexes = connection.execute(
        "select indisunique, substring(pg_get_indexdef(indexrelid) from ' USING .*') from pg_index"
        " where indrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and not exists ("
        "  select from pg_attribute as a where a.attrelid = indrelid and a.attnum = any(indkey) and a.attname = any(%s)"
        " ) order by 1, 2",
        (schema, name, unstored),
    ).fetchall()
    return [*columns, *constraints, *indexes]


def by_the_calendar(name: str) -> list[str]:
    """The columns of a mart that are shown and not stored."""
    return [] if name == DATED else sorted(BY_THE_CALENDAR)
