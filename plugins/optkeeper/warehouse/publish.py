"""Publication: the candidate marts become the published ones, in one transaction.

Readers see all of the last publication or all of this one. The schema `published` has the tables; they
stay the same tables, and only rows that differ are written. Where daily builds name what they have replaced since the
last publication, only that is compared. They carry the constraints of their
contracts, foreign keys included, so that the database itself refuses a marketable row without evidence.
Readers read `marts`, a view of each, which adds what the calendar alone changes: so a day that brings
nothing writes nothing. The views stay too, with the grants and views on them.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from optkeeper import daily
from optkeeper.warehouse import readers, statistics, unpublished
from optkeeper.warehouse.stamp import stamp
from optkeeper.warehouse.unpublished import CANDIDATE, PUBLISHED

MARTS = "marts"


class PublicationRefused(Exception):
    """The candidate may not be published: it is another build's, or the gate has not passed it."""


@dataclass(frozen=True, slots=True)
class PublicationCounts:
    """What a publication wrote, in rows over all marts."""

    relations: int
    rows_deleted: int
    rows_written: int


def publish(connection: psycopg.Connection[Any], run_id: str) -> PublicationCounts:
    """Publishes the candidate of a run that the gate has passed; doing it again changes nothing.

    Raises:
        PublicationRefused: the candidate is of another run, the gate has not passed this one, or what it passed was
            built again or changed since.
    """
    deleted = written = 0
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('optkeeper.publish'))")
        connection.execute(files("optkeeper.warehouse").joinpath("publication.sql").read_text().encode())
        relations = unpublished.tables(connection)
        _hold(connection, relations)
        _refuse_unless_passed(connection, run_id)
        _refuse_older_than_a_restore(connection, run_id)
        named = unpublished.conditions(connection)
        for name in relations:
            _refuse_unless_by_the_calendar(connection, name, named.get(name, "true"))
        renewed = [
            name
            for name in relations
            if unpublished.shape(connection, PUBLISHED, name) != unpublished.shape(connection, CANDIDATE, name)
        ]
        for name in renewed:
            _make(connection, name)
        for name in relations:
            _show(connection, name)
        connection.execute("set constraints all deferred")
        statistics.refresh(connection, CANDIDATE)
        kept = [name for name in relations if name not in renewed]
        for name in kept:
            _compare(connection, name, named.get(name, "true"))
        for name in kept:
            deleted += _delete_vanished(connection, name)
        for name in kept:
            written += _write_changed(connection, name)
        for name in renewed:
            written += _write_all(connection, name)
        connection.execute("set constraints all immediate")
        # keys of many rows at once: row by row they take most of a first publication
        for name in renewed:
            _index(connection, name)
        for name in renewed:
            _constrain(connection, name)
        if {"contacts", "contact_redirects"} <= set(relations):
            _remember_contacts(connection, named.get("contacts", "true"))
        if "reach_daily" in relations:
            _remember_reach(connection)
        for name in relations:
            _describe(connection, name)
        readers.grant(connection, MARTS)
        connection.execute(
            "insert into marts.publications (run_id, published_at, as_of, known_at, policy_version)"
            " select run_id, clock_timestamp(), as_of, known_at, policy_version from candidate.builds"
            " on conflict (run_id) do nothing"
        )
        daily.note_published(connection, run_id)
    return PublicationCounts(len(relations), deleted, written)


def _remember_contacts(connection: psycopg.Connection[Any], condition: str = "true") -> None:
    """Keeps every contact id that was published, and since when one redirects (R36).

    Those that the last publication showed and this one could not write are kept already.
    """
    connection.execute(
        sql.SQL(
            "insert into raw.published_contacts as known (contact_id, first_published_at)"
            " select contacts.contact_id, builds.known_at from marts.contacts cross join candidate.builds"
            " where {} and not exists (select from raw.published_contacts as before"
            " where before.contact_id = contacts.contact_id and before.retired_at is null)"
            " on conflict (contact_id) do update set retired_at = null where known.retired_at is not null"
        ).format(sql.SQL(condition))
    )
    connection.execute(
        "update raw.published_contacts as known set retired_at = redirects.since"
        " from marts.contact_redirects as redirects"
        " where redirects.contact_id = known.contact_id and known.retired_at is null"
    )


def _remember_reach(connection: psycopg.Connection[Any]) -> None:
    """Keeps the day's reach; a day that is published again has the last say."""
    connection.execute(
        "delete from raw.published_reach using candidate.builds where published_reach.day = builds.decided_on"
    )
    connection.execute(
        "insert into raw.published_reach (day, channel, purpose, brand, reachable, due, expired)"
        " select day, channel, purpose, brand, reachable, due, expired from marts.reach_daily"
        " inner join candidate.builds on builds.decided_on = reach_daily.day"
    )


def _describe(connection: psycopg.Connection[Any], name: str) -> None:
    """Gives what readers read the descriptions of its contract."""
    described = connection.execute(
        "select columns.attname, obj_description(of_candidate.oid), col_description(of_candidate.oid, columns.attnum)"
        " from pg_class as of_candidate"
        " inner join pg_namespace on pg_namespace.oid = of_candidate.relnamespace"
        " inner join pg_attribute as columns"
        " on columns.attrelid = of_candidate.oid and columns.attnum > 0 and not columns.attisdropped"
        " where pg_namespace.nspname = %s and of_candidate.relname = %s",
        (CANDIDATE, name),
    ).fetchall()
    for column, _, text in described:
        connection.execute(
            sql.SQL("comment on column {}.{} is {}").format(_in(MARTS, name), sql.Identifier(column), sql.Literal(text))
        )
    if described:
        connection.execute(sql.SQL("comment on view {} is {}").format(_in(MARTS, name), sql.Literal(described[0][1])))


def _refuse_unless_passed(connection: psycopg.Connection[Any], run_id: str) -> None:
    built = connection.execute("select run_id from candidate.builds").fetchone()
    if built is None:
        raise PublicationRefused(f"run {run_id}: there are no candidate marts, as after a server's crash; build again")
    if built[0] != run_id:
        raise PublicationRefused(f"run {run_id}: the candidate marts are of run {built[0]}")
    if (
        connection.execute("select 1 from intermediate.completed_builds where run_id = %s", (run_id,)).fetchone()
        is None
    ):
        raise PublicationRefused(f"run {run_id}: the build did not reach its end")
    passed = connection.execute(
        "select count(*) filter (where severity = 'critical' and not passed) = 0 and count(*) > 0"
        " from gate.results where run_id = %s",
        (run_id,),
    ).fetchone()
    if passed is None or not passed[0]:
        raise PublicationRefused(f"run {run_id}: the gate has not passed the candidate marts")
    judged = connection.execute("select candidate_stamp from gate.runs where run_id = %s", (run_id,)).fetchone()
    if judged is None or judged[0] != stamp(connection):
        raise PublicationRefused(
            f"run {run_id}: the candidate marts are not those that the gate judged; judge them again"
        )


def _refuse_older_than_a_restore(connection: psycopg.Connection[Any], run_id: str) -> None:
    older = connection.execute(
        "select max(restored_at) from raw.restores cross join candidate.builds where known_at < restored_at"
    ).fetchone()
    if older is not None and older[0] is not None:
        raise PublicationRefused(
            f"run {run_id}: the warehouse was restored at {older[0].isoformat(timespec='seconds')}, after this build;"
            " pull every source and build again"
        )


def _hold(connection: psycopg.Connection[Any], relations: list[str]) -> None:
    """Lets nobody write to or replace the candidate until it is published."""
    if relations:
        connection.execute(
            sql.SQL("lock table {} in share mode").format(
                sql.SQL(", ").join(_in(CANDIDATE, name) for name in relations)
            )
        )


def _in(schema: str, name: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(name))


def _as_the_calendar_says(schema: str, column: str) -> sql.Composed:
    return sql.SQL(unpublished.BY_THE_CALENDAR[column]).format(builds=_in(schema, unpublished.DATED))


def _refuse_unless_by_the_calendar(connection: psycopg.Connection[Any], name: str, condition: str) -> None:
    """What is not stored must be what will be shown, in every row that may be written."""
    for column in set(unpublished.by_the_calendar(name)) & set(_columns(connection, CANDIDATE, name)):
        other = connection.execute(
            sql.SQL("select 1 from {} where {} is distinct from {} and {} limit 1").format(
                _in(CANDIDATE, name),
                sql.Identifier(column),
                _as_the_calendar_says(CANDIDATE, column),
                sql.SQL(condition),
            )
        ).fetchone()
        if other is not None:
            raise PublicationRefused(f"mart {name}: {column} is not what the build's business date makes it")


def _show(connection: psycopg.Connection[Any], name: str) -> None:
    """Keeps the view that readers read; one that shows these columns is left alone, with all that rests on it."""
    columns = _columns(connection, CANDIDATE, name)
    known = connection.execute(
        "select relkind from pg_class where oid = to_regclass(%s)", (f"{MARTS}.{name}",)
    ).fetchone()
    if known == ("r",):  # of a version that published tables here
        connection.execute(sql.SQL("drop table {} cascade").format(_in(MARTS, name)))
    elif known is not None and _columns(connection, MARTS, name) == columns:
        return
    elif known is not None:
        connection.execute(sql.SQL("drop view {} cascade").format(_in(MARTS, name)))
    unstored = unpublished.by_the_calendar(name)
    shown = [
        sql.SQL("{} as {}").format(_as_the_calendar_says(PUBLISHED, column), sql.Identifier(column))
        if column in unstored
        else sql.Identifier(column)
        for column in columns
    ]
    connection.execute(
        sql.SQL("create view {} as select {} from {}").format(
            _in(MARTS, name), sql.SQL(", ").join(shown), _in(PUBLISHED, name)
        )
    )


def _make(connection: psycopg.Connection[Any], name: str) -> None:
    """Makes an empty table with the checks of its candidate; keys and indexes come behind its rows."""
    connection.execute(sql.SQL("drop table if exists {} cascade").format(_in(PUBLISHED, name)))
    connection.execute(
        sql.SQL("create table {} (like {} including constraints including comments)").format(
            _in(PUBLISHED, name), _in(CANDIDATE, name)
        )
    )
    for column in unpublished.by_the_calendar(name):
        # with the checks that need it: the candidate has them, and what it holds is what is published
        connection.execute(
            sql.SQL("alter table {} drop column if exists {} cascade").format(
                _in(PUBLISHED, name), sql.Identifier(column)
            )
        )


def _index(connection: psycopg.Connection[Any], name: str) -> None:
    """Gives a table that holds its rows the indexes of its candidate, the primary key among them."""
    made = connection.execute(
        "select pg_get_constraintdef(pg_constraint.oid), indisunique,"
        " substring(pg_get_indexdef(indexrelid) from ' USING .*')"
        " from pg_index"
        " left join pg_constraint on conindid = indexrelid and conrelid = indrelid and contype in ('p', 'u')"
        " where indrelid = %s::regclass and not exists (select from pg_attribute"
        " where attrelid = indrelid and attnum = any(indkey) and attname = any(%s)) order by indexrelid",
        (f"{CANDIDATE}.{name}", unpublished.by_the_calendar(name)),
    ).fetchall()
    for key, is_unique, columns in made:
        if key is not None:
            statement = sql.SQL("alter table {} add {}").format(_in(PUBLISHED, name), sql.SQL(key))
        else:
            statement = sql.SQL("create {}index on {}{}").format(
                sql.SQL("unique " if is_unique else ""), _in(PUBLISHED, name), sql.SQL(columns)
            )
        connection.execute(statement)
    connection.execute(sql.SQL("analyze {}").format(_in(PUBLISHED, name)))


def _constrain(connection: psycopg.Connection[Any], name: str) -> None:
    foreign_keys = connection.execute(
        "select conname, pg_get_constraintdef(c.oid) from pg_constraint c"
        " join pg_class r on r.oid = c.conrelid join pg_namespace n on n.oid = r.relnamespace"
        " where n.nspname = %s and r.relname = %s and contype = 'f'",
        (CANDIDATE, name),
    ).fetchall()
    for constraint, definition in foreign_keys:
        connection.execute(
            sql.SQL("alter table {} add constraint {} {} deferrable").format(
                _in(PUBLISHED, name),
                sql.Identifier(constraint),
                sql.SQL(definition.replace(f"{CANDIDATE}.", f"{PUBLISHED}.")),
            )
        )


def _key(connection: psycopg.Connection[Any], name: str) -> list[str]:
    rows = connection.execute(
        "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " where i.indrelid = %s::regclass and i.indisprimary",
        (f"{CANDIDATE}.{name}",),
    ).fetchall()
    if not rows:
        raise PublicationRefused(f"mart {name} has no primary key in its contract")
    return [row[0] for row in rows]


def _columns(connection: psycopg.Connection[Any], schema: str, name: str) -> list[str]:
    rows = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = %s and table_name = %s order by ordinal_position",
        (schema, name),
    ).fetchall()
    return [row[0] for row in rows]


def _same(key: list[str]) -> sql.Composed:
    return sql.SQL(" and ").join(sql.SQL("p.{0} = c.{0}").format(sql.Identifier(column)) for column in key)


def _compare(connection: psycopg.Connection[Any], name: str, condition: str) -> None:
    """Finds, in one look at both, which rows have vanished, and which are new or others: most are published already."""
    key = _key(connection, name)
    rest = [column for column in _columns(connection, PUBLISHED, name) if column not in key]
    is_other = sql.SQL(" or ({}) is distinct from ({})").format(
        *(sql.SQL(", ").join(sql.Identifier(side, column) for column in rest) for side in ("p", "c"))
    )
    # a row that was named and is another's now is named as the other's as well
    connection.execute(
        sql.SQL(
            "create temporary table {differing} on commit drop as select p.place as gone, c.place as come"
            " from (select ctid as place, * from {} where {condition}) as p"
            " full join (select ctid as place, * from {} where {condition}) as c on {}"
            " where p.place is null or c.place is null{};"
            " analyze {differing}"
        ).format(
            _in(PUBLISHED, name), _in(CANDIDATE, name), _same(key), is_other if rest else sql.SQL(""),
            differing=_differing(name), condition=sql.SQL(condition),
        )
    )  # fmt: skip


def _differing(name: str) -> sql.Identifier:
    """The places of the rows that differ: the candidate is held, and what is published only publications write."""
    return sql.Identifier(f"differing_{name}")


def _delete_vanished(connection: psycopg.Connection[Any], name: str) -> int:
    return connection.execute(
        sql.SQL(
            "delete from {} as p using {} as differing where p.ctid = differing.gone and differing.come is null"
        ).format(_in(PUBLISHED, name), _differing(name))
    ).rowcount


def _write_all(connection: psycopg.Connection[Any], name: str) -> int:
    names = sql.SQL(", ").join(map(sql.Identifier, _columns(connection, PUBLISHED, name)))
    return connection.execute(
        sql.SQL("insert into {} ({names}) select {names} from {}").format(
            _in(PUBLISHED, name), _in(CANDIDATE, name), names=names
        )
    ).rowcount


def _write_changed(connection: psycopg.Connection[Any], name: str) -> int:
    columns, key = _columns(connection, PUBLISHED, name), _key(connection, name)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    rest = [column for column in columns if column not in key]
    changed = sql.SQL(", ").join(sql.SQL("{0} = c.{0}").format(sql.Identifier(column)) for column in rest)
    statement = sql.SQL(
        "merge into {} as p using (select candidate.* from {} as candidate"
        " inner join {} as differing on differing.come = candidate.ctid) as c on {} {}"
        " when not matched then insert ({}) values ({})"
    ).format(
        _in(PUBLISHED, name),
        _in(CANDIDATE, name),
        _differing(name),
        _same(key),
        sql.SQL("when matched then update set {}").format(changed) if rest else sql.SQL(""),
        names,
        sql.SQL(", ").join(sql.SQL("c.{}").format(sql.Identifier(column)) for column in columns),
    )
    return connection.execute(statement).rowcount
