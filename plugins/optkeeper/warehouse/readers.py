"""What analysts and marketing may read of the published marts: column by column, and nothing that is not named.

Who may read only some columns of a mart gets, in a schema named like the login, a view of these, so that
`select * from decisions` works for an analyst as for everybody.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

ALL_COLUMNS = "*"


def grant(connection: psycopg.Connection[Any], schema: str) -> None:
    """Grants each login what the seed `mart_readers` names of a schema, and takes away what it names no more.

    A login that the server does not have gets nothing: it is made when the warehouse is prepared.
    """
    named = _named(connection, schema)
    for login in _logins(connection):
        wanted = named.get(login, {})
        _regrant(connection, schema, login, wanted)
        _show(connection, schema, login, {mart: columns for mart, columns in wanted.items() if columns})


def _logins(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "select rolname from pg_roles where rolname in ('analyst', 'marketing') order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _named(connection: psycopg.Connection[Any], schema: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The columns by login and mart, of the marts that there are; none stands for all of a mart."""
    known = connection.execute("select to_regclass('registry.mart_readers')").fetchone()
    named: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
    if known is None or known[0] is None:
        return named
    rows = connection.execute(
        "select login, relation, columns from registry.mart_readers"
        " where to_regclass(quote_ident(%s) || '.' || quote_ident(relation)) is not null order by 1, 2",
        (schema,),
    ).fetchall()
    for login, mart, columns in rows:
        named[login][mart] = [] if columns == ALL_COLUMNS else columns.split("|")
    return named


def _regrant(connection: psycopg.Connection[Any], schema: str, login: str, wanted: Mapping[str, Sequence[str]]) -> None:
    inside, to = sql.Identifier(schema), sql.Identifier(login)
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(inside, to))
    # of a whole table's right this takes those of its columns too
    connection.execute(sql.SQL("revoke all on all tables in schema {} from {}").format(inside, to))
    for mart, columns in wanted.items():
        held = sql.SQL(" ({})").format(_listed(columns)) if columns else sql.SQL("")
        connection.execute(sql.SQL("grant select{} on {} to {}").format(held, sql.Identifier(schema, mart), to))


def _show(connection: psycopg.Connection[Any], schema: str, login: str, wanted: Mapping[str, Sequence[str]]) -> None:
    """Keeps the views; one that shows what it should is left alone, since to make it waits for whoever reads it."""
    shown = _views(connection, login)
    if not wanted and not shown:
        return
    to = sql.Identifier(login)
    connection.execute(sql.SQL("create schema if not exists {}").format(to))
    connection.execute(sql.SQL("grant usage on schema {0} to {0}").format(to))
    for view in sorted(set(shown) | set(wanted)):
        if shown.get(view) == wanted.get(view):
            continue
        connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(login, view)))
        if view in wanted:
            # with the reader's own rights: the view opens nothing that the grant does not
            connection.execute(
                sql.SQL("create view {} with (security_invoker) as select {} from {}").format(
                    sql.Identifier(login, view), _listed(wanted[view]), sql.Identifier(schema, view)
                )
            )
            connection.execute(sql.SQL("grant select on {} to {}").format(sql.Identifier(login, view), to))


def _views(connection: psycopg.Connection[Any], schema: str) -> dict[str, Sequence[str]]:
    rows = connection.execute(
        "select table_name, array_agg(column_name::text order by ordinal_position) from information_schema.columns"
        " where table_schema = %s group by 1",
        (schema,),
    ).fetchall()
    return dict(rows)


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
