"""A build that costs what changed: the models over the affected contacts, whose rows replace the standing ones.

Every record's reading, the contacts and their timelines stand in the schema `intermediate` from one build to the next.
A daily build computes the same models, in schemas of its own, for the contacts that what has landed may touch (see
`dbt_project/models/daily`), and then replaces the rows of these contacts in one transaction. Killed before it, nothing
has changed; killed after it, the next build goes on from there. What the rows are is the models' alone.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import psycopg
from psycopg import sql

from optkeeper import settings
from optkeeper.warehouse import database

PREFIX = "day_"
RAW = PREFIX + "raw"
VARIABLES = {"daily": True, "schema_prefix": PREFIX, "raw_schema": RAW}
# the marts of which a contact's rows are its own; those that refer to others come after them
MARTS_BY_CONTACT = (
    "contacts", "consent_events", "consent_timeline", "contact_points", "decisions", "suppressions",
    "marketable_contacts",
)  # fmt: skip
MART_BY_ADDRESS = "address_decisions"
_DIMENSIONS = "path:models/marts/dimensions"  # of policy and registries alone, after a change of which all is built
# what is made whole in each build, from what stands
WHOLE = (
    "--select", "path:models/marts", "path:models/renewals",
    "--exclude", *MARTS_BY_CONTACT, MART_BY_ADDRESS, _DIMENSIONS,
)  # fmt: skip
_MARTS_OF_ALL = (
    _DIMENSIONS, "contact_redirects", "quarantine", "reach_daily",
    "renewal_due", "source_freshness", "vanished_contacts",
)  # fmt: skip
BUILT = ("--select", "path:models", "--exclude", "path:models/renewals", "path:models/policy", *_MARTS_OF_ALL)

# the standing rows that anybody reads, by what names those that a build replaces
BY_CONTACT = (
    "int_identity__resolved", "int_identity__contact_links", "int_contacts__attributes",
    "int_contacts__postal_addresses", "int_activity__counted", "int_permissions__consents", "int_permissions__asked",
    "int_restrictions__standing", "int_timeline__intervals", "int_decisions__considered", "int_decisions__per_contact",
    "int_decisions__lifecycles",
)  # fmt: skip
BY_EVENT = ("int_events__judged", "int_permissions__births")
BY_RECEIVED_EVENT = ("int_events__received", "int_events__addresses_within")
REPLACED = ("int_identity__overloaded_keys",)
STANDING = (*BY_RECEIVED_EVENT, *BY_EVENT, *BY_CONTACT, *REPLACED)

_DATED = ("decisions", "marketable_contacts", MART_BY_ADDRESS)
_MOST_COLUMNS = 1_500  # a table of PostgreSQL can have had 1,600; made anew it starts again
# as a list, which the server looks up in the order of the index
_EXCHANGED = "contact_id = any(array(select contact_id from day_intermediate.exchanged_contacts))"
_WRITTEN = "contact_id in (select contact_id from day_intermediate.written_contacts)"

REBUILT = "rebuilt_"
# made whole in each build of what pulls and publications write, which go on meanwhile
_LIVE = ("builds", "source_freshness", "quarantine", "contact_redirects")

_PLATFORMS = ("hubspot", "mailchimp")  # the records of a person together tell its events
# Unlogged, as are the models' tables: after a crash of the server, when it empties those, no build stands either.
_SCHEMA = """
create schema if not exists intermediate;
create unlogged table if not exists intermediate.standing_build (
    only_row boolean primary key default true check (only_row),
    run_id text not null, as_of timestamptz not null, known_at timestamptz not null, records_through bigint not null,
    policy_version text not null, code_version text not null, erasures bigint not null, restores bigint not null
);
create unlogged table if not exists intermediate.unpublished_since (
    only_row boolean primary key default true check (only_row), run_id text not null -- the one that was published
);
create unlogged table if not exists intermediate.unpublished_contacts (contact_id text primary key);
create unlogged table if not exists intermediate.unpublished_addresses (
    channel text, address text, primary key (channel, address)
);
create unlogged table if not exists intermediate.completed_builds (
    run_id text primary key, completed_at timestamptz not null
);
-- that the server has not crashed since a build stood: what a later build is about to replace can be read until then
create unlogged table if not exists intermediate.build_stood (
    only_row boolean primary key default true check (only_row)
)
"""


@dataclass(frozen=True, slots=True)
class State:
    """What a build starts from: whatever differs from the standing build's decides how much is computed."""

    run_id: str
    as_of: datetime
    known_at: datetime
    records_through: int
    policy_version: str
    code_version: str
    erasures: int
    restores: int


def ensure(connection: psycopg.Connection[Any]) -> None:
    """Makes the tables that tell what stands, and what of it is not published yet, where there are none."""
    connection.execute(_SCHEMA)
    logged = connection.execute(
        "select relname from pg_class where relnamespace = 'intermediate'::regnamespace and relpersistence = 'p'"
        " and relname in ('standing_build', 'unpublished_since', 'unpublished_contacts', 'unpublished_addresses',"
        " 'completed_builds')"
    ).fetchall()
    for (name,) in logged:  # of a version whose tables outlived a crash
        connection.execute(sql.SQL("alter table {} set unlogged").format(sql.Identifier("intermediate", name)))


def code_version() -> str:
    """The digest of the project's models, macros and the seeds that come with them, as far as it tells versions apart.

    What an installation may have of its own, policy and registries, has a version of its own.
    """
    summed = hashlib.sha256()
    seeds = settings.DBT_PROJECT / "seeds"
    for path in sorted(settings.DBT_PROJECT.rglob("*")):
        of_the_project = path.suffix in (".sql", ".yml") or (path.suffix == ".csv" and path.parent == seeds)
        if of_the_project and not {"target", "logs"} & set(path.relative_to(settings.DBT_PROJECT).parts):
            summed.update(str(path.relative_to(settings.DBT_PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return summed.hexdigest()[:12]


def state(
    connection: psycopg.Connection[Any], run_id: str, as_of: datetime, known_at: datetime, policy_version: str
) -> State:
    """What a build of this moment starts from.

    The numbers of records are given while the clock of receipt is held, in the order of the receipts, so that all up to
    the highest of those received by `known_at` are there.
    """
    row = connection.execute(
        "select coalesce("
        " (select record_id from raw.records where received_at <= %s order by record_id desc limit 1), 0),"
        " (select count(*) from evidence.erasures), (select count(*) from raw.restores)",
        (known_at,),
    ).fetchone()
    assert row is not None
    return State(run_id, as_of, known_at, row[0], policy_version, code_version(), row[1], row[2])


def standing(connection: psycopg.Connection[Any]) -> State | None:
    """The last build whose rows stand whole, if there is one."""
    row = connection.execute(
        "select run_id, as_of, known_at, records_through, policy_version, code_version, erasures, restores"
        " from intermediate.standing_build"
    ).fetchone()
    return None if row is None else State(*row)


def known_through(connection: psycopg.Connection[Any]) -> int | None:
    """The number of a record up to which the build that stands knows all, if one stands."""
    if connection.execute("select to_regclass('intermediate.standing_build')").fetchone() == (None,):
        return None
    stands = standing(connection)
    return None if stands is None else stands.records_through


def keep(connection: psycopg.Connection[Any], now: State) -> None:
    """Notes that the rows of a build stand whole."""
    connection.execute(
        "insert into intermediate.standing_build (run_id, as_of, known_at, records_through, policy_version,"
        " code_version, erasures, restores) values (%s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (only_row) do update set run_id = excluded.run_id, as_of = excluded.as_of,"
        " known_at = excluded.known_at, records_through = excluded.records_through,"
        " policy_version = excluded.policy_version, code_version = excluded.code_version,"
        " erasures = excluded.erasures, restores = excluded.restores",
        (now.run_id, now.as_of, now.known_at, now.records_through, now.policy_version, now.code_version,
         now.erasures, now.restores),
    )  # fmt: skip
    connection.execute("insert into intermediate.build_stood default values on conflict do nothing")


def has_stood(connection: psycopg.Connection[Any]) -> bool:
    """Whether a build has stood since the server last crashed: until then its tables are empty, and tell nothing."""
    if connection.execute("select to_regclass('intermediate.build_stood')").fetchone() == (None,):
        return False
    return connection.execute("select from intermediate.build_stood").fetchone() is not None


def forget(connection: psycopg.Connection[Any]) -> None:
    """Notes that no rows stand whole: a full build is about to replace them."""
    connection.execute("delete from intermediate.standing_build")
    publish_all(connection)


def publish_all(connection: psycopg.Connection[Any]) -> None:
    """Lets the next publication compare all rows, and not only those that were replaced since the last."""
    connection.execute("delete from intermediate.unpublished_since")


def unpublished_since(connection: psycopg.Connection[Any]) -> str | None:
    """The publication since which is kept what builds replace, if there is one."""
    if connection.execute("select to_regclass('intermediate.unpublished_since')").fetchone() == (None,):
        return None
    row = connection.execute("select run_id from intermediate.unpublished_since").fetchone()
    return None if row is None else str(row[0])


def unpublished() -> dict[str, str]:
    """The marts that differ from that publication in named rows only, with the condition that names them."""
    by_contact = "contact_id = any(array(select contact_id from intermediate.unpublished_contacts))"
    by_address = "(channel, address) in (select channel, address from intermediate.unpublished_addresses)"
    return {**dict.fromkeys(MARTS_BY_CONTACT, by_contact), MART_BY_ADDRESS: by_address}


def note_published(connection: psycopg.Connection[Any], run_id: str) -> None:
    """Notes that all that stands is published, where it is what a build left that names what later ones replace.

    In the publication's transaction.
    """
    ensure(connection)
    publish_all(connection)
    connection.execute("truncate intermediate.unpublished_contacts, intermediate.unpublished_addresses")
    connection.execute(
        "insert into intermediate.unpublished_since (run_id) select run_id from intermediate.standing_build"
        " where run_id = %s",
        (run_id,),
    )


def reason_for_all(connection: psycopg.Connection[Any], before: State | None, now: State) -> str | None:
    """Why everything must be built anew, in one sentence; nothing where what changed is enough."""
    if before is None:
        return "no build stands whole"
    if before.code_version != now.code_version:
        return "the models have changed"
    if before.policy_version != now.policy_version:
        return "the policy or a registry has changed"
    if now.as_of < before.as_of:
        return "the business moment lies before that of the standing build"
    if before.erasures != now.erasures:
        return "records were erased"
    if before.restores != now.restores:
        return "the warehouse was restored"
    if _columns_given(connection) >= _MOST_COLUMNS:
        return "a mart has been given as many days as a table can be"
    crossed = _date_crossed(connection, before.as_of, now.as_of)
    return f"a date of the registry {crossed} has come" if crossed else None


def _columns_given(connection: psycopg.Connection[Any]) -> int:
    """How many columns a mart has ever had whose day is a new one each day: one that is dropped is counted on."""
    row = connection.execute(
        "select coalesce(max(attnum), 0) from pg_attribute where attrelid = any("
        " select oid from pg_class where relnamespace = to_regnamespace('candidate') and relname = any(%s))",
        (list(_DATED),),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _date_crossed(connection: psycopg.Connection[Any], before: datetime, now: datetime) -> str | None:
    """The registry with a date that has come between two moments.

    A row holds from its first day on and until its last is over; which of the two a date is, nobody need say here: it
    has come on its day and on the day after.
    """
    first, last = (moment.astimezone(settings.BUSINESS_TIME_ZONE).date() for moment in (before, now))
    if first == last:
        return None
    columns = connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'registry' and data_type = 'date' order by table_name, column_name"
    ).fetchall()
    for table, column in columns:
        found = connection.execute(
            sql.SQL("select from {} where {} between %s and %s limit 1").format(
                sql.Identifier("registry", table), sql.Identifier(column)
            ),
            (first, last),
        ).fetchone()
        if found is not None:
            return str(table)
    return None


def prepare(connection: psycopg.Connection[Any], before: State, now: State) -> None:
    """Makes the schemas of a daily build: what has landed to read, the registries and the policy as they stand."""
    clear(connection)
    for schema in ("registry", "intermediate", "raw"):
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(PREFIX + schema)))
    policy = {path.stem for path in (settings.DBT_PROJECT / "models" / "policy").glob("*.sql")}
    for schema, chosen in (("registry", None), ("intermediate", policy), ("raw", None)):
        for (name,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = %s", (schema,)
        ).fetchall():
            if (chosen is None or name in chosen) and (schema, name) != ("raw", "records"):
                connection.execute(
                    sql.SQL("create view {} as select * from {}").format(
                        sql.Identifier(PREFIX + schema, name), sql.Identifier(schema, name)
                    )
                )
    _read_again(connection, before, now)
    for platform in _PLATFORMS:
        if not _is_read_again(connection, platform):
            name = f"int_events__from_{platform}"
            connection.execute(
                sql.SQL("create view {} as select * from {} where false").format(
                    sql.Identifier(PREFIX + "intermediate", name), sql.Identifier("intermediate", name)
                )
            )


def without(connection: psycopg.Connection[Any]) -> list[str]:
    """The models of platforms that nothing has landed of: their events stand as they were read."""
    return [
        model
        for platform in _PLATFORMS
        if not _is_read_again(connection, platform)
        for model in (
            f"path:models/staging/{platform}", f"path:models/events/{platform}", f"int_events__from_{platform}",
        )
    ]  # fmt: skip


def _is_read_again(connection: psycopg.Connection[Any], platform: str) -> bool:
    row = connection.execute(
        sql.SQL("select exists (select from {} where platform = %s)").format(sql.Identifier(RAW, "sources_read_again")),
        (platform,),
    ).fetchone()
    return row == (True,)


def _read_again(connection: psycopg.Connection[Any], before: State, now: State) -> None:
    """What is read anew: the records that came since, and all of a platform that sent any."""
    connection.execute(
        sql.SQL(
            "create table {} as select distinct source, split_part(object, '.', 1) as platform from raw.records"
            " where record_id > {} and record_id <= {} and split_part(object, '.', 1) = any({})"
        ).format(
            sql.Identifier(RAW, "sources_read_again"), sql.Literal(before.records_through),
            sql.Literal(now.records_through), sql.Literal(list(_PLATFORMS)),
        )
    )  # fmt: skip
    of_platforms = sql.SQL(
        " union all select * from raw.records where record_id <= {} and source in (select source from {})"
    )
    # most days there are none, and a planner that does not know it takes them for many
    connection.execute(sql.SQL("analyze {}").format(sql.Identifier(RAW, "sources_read_again")))
    again = connection.execute(
        sql.SQL("select exists (select from {})").format(sql.Identifier(RAW, "sources_read_again"))
    ).fetchone() == (True,)
    connection.execute(
        sql.SQL("create view {} as select * from raw.records where record_id > {} and record_id <= {}{}").format(
            sql.Identifier(RAW, "records"), sql.Literal(before.records_through), sql.Literal(now.records_through),
            of_platforms.format(sql.Literal(before.records_through), sql.Identifier(RAW, "sources_read_again"))
            if again else sql.SQL(""),
        )
    )  # fmt: skip


def clear(connection: psycopg.Connection[Any], prefix: str = PREFIX) -> None:
    """Drops what a build made for itself in schemas of its own."""
    for schema in ("candidate", "intermediate", "staging", "registry", "raw"):
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(prefix + schema)))


def take_over(connection: psycopg.Connection[Any], now: State, *, address: str) -> int:
    """Puts the rows of the built contacts in place of the standing ones, all or none; answers how many contacts.

    Where they differ is found by a second connection, since a server works on one statement of a connection at a time:
    it reads what stood before, while this one exchanges what needs no comparison.
    """
    connection.execute(
        """
        create unlogged table day_intermediate.exchanged_contacts as
        select contact_id from day_intermediate.replaced_contacts
        union
        select contact_id from day_intermediate.written_contacts;
        analyze day_intermediate.exchanged_contacts
        """
    )
    with database.connect(address) as comparing, connection.transaction():
        # A publication waits for these, and so does another build: until the end nobody else moves a row.
        connection.execute("truncate candidate.renewal_due, candidate.contact_redirects")
        with _Compared(comparing) as compared:
            _exchange(connection, now, compared)
        keep(connection, now)
        row = connection.execute("select count(*) from day_intermediate.exchanged_contacts").fetchone()
    assert row is not None
    return int(row[0])


class _Compared:
    """Which rows of the exchanged contacts differ.

    One table is compared after another, in the order in which they are waited for.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._pool = ThreadPoolExecutor(1, "compare")
        # What waits for a table behind somebody who waits for this build would wait for ever.
        connection.execute("set lock_timeout = '60s'")
        self._tables = {
            table: self._pool.submit(self._compare, *table)
            for table in (
                *(("candidate", name) for name in reversed(MARTS_BY_CONTACT) if name not in _DATED),
                *(("intermediate", name) for name in BY_CONTACT),
            )
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Compares nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def wait_for(self, schema: str, name: str) -> None:
        """Until it is known; the places stand in a table then."""
        self._tables[schema, name].result()

    def _compare(self, schema: str, name: str) -> None:
        # Rows that no key refers to are fetched by their places and all at once; those of the marts are looked up one
        # by one besides, for which an index is walked faster.
        by_index = "off" if schema == "intermediate" else "on"
        self._connection.execute(f"set enable_indexscan = {by_index}".encode())
        _compare(self._connection, schema, name)


def _exchange(connection: psycopg.Connection[Any], now: State, compared: _Compared) -> None:
    # An event that nothing has touched is judged as it was, as long as it stands (`int_events__judged`).
    connection.execute(
        """
        create temporary table replaced_events on commit drop as
        select distinct event_key, received_key from intermediate.int_identity__resolved
        where contact_id = any(array(select contact_id from day_intermediate.exchanged_contacts));
        create temporary table written_events on commit drop as
        select event_key, received_key from day_intermediate.int_identity__resolved
        where contact_id in (select contact_id from day_intermediate.written_contacts);
        analyze replaced_events, written_events;
        create temporary table gone_events on commit drop as
        select replaced.event_key
        from replaced_events as replaced
        left join written_events as written on written.event_key = replaced.event_key
        left join day_intermediate.touched_events as touched on touched.event_key = replaced.received_key
        where written.event_key is null or touched.event_key is not null;
        create temporary table come_events on commit drop as
        select written.event_key
        from written_events as written
        left join replaced_events as replaced on replaced.event_key = written.event_key
        left join day_intermediate.touched_events as touched on touched.event_key = written.received_key
        where replaced.event_key is null or touched.event_key is not null;
        analyze gone_events, come_events;
        set local enable_indexscan = off
        """
    )
    # a list is for a table with an index only: of another each row would be compared with all of it
    touched = "event_key in (select event_key from day_intermediate.touched_events)"
    _delete(
        connection, "intermediate", "int_events__received",
        "event_key = any(array(select event_key from day_intermediate.touched_events))"
        " and source in (select source from day_raw.sources_read_again)",
    )  # fmt: skip
    _insert(connection, "intermediate", "int_events__received", touched, read="int_events__landed")
    _delete(connection, "intermediate", "int_events__addresses_within", touched)
    _insert(connection, "intermediate", "int_events__addresses_within", touched)
    for name in BY_EVENT:
        _delete(connection, "intermediate", name, "event_key = any(array(select event_key from gone_events))")
        _insert(connection, "intermediate", name, "event_key in (select event_key from come_events)")
    for name in REPLACED:
        _delete(connection, "intermediate", name, "true")
        _insert(connection, "intermediate", name, "true")
    connection.execute("set local enable_indexscan = on")
    _exchange_marts(connection, now, compared)
    # behind the marts, which a publication holds: what it finds named it publishes, and nothing is named meanwhile
    connection.execute(
        """
        insert into intermediate.unpublished_contacts
        select contact_id from day_intermediate.exchanged_contacts on conflict do nothing;
        insert into intermediate.unpublished_addresses
        select channel, address from day_intermediate.touched_addresses on conflict do nothing
        """
    )
    for name in BY_CONTACT:
        compared.wait_for("intermediate", name)
        _delete_gone(connection, "intermediate", name)
        _insert_come(connection, "intermediate", name)


def _exchange_marts(connection: psycopg.Connection[Any], now: State, compared: _Compared) -> None:
    _delete(
        connection, "candidate", MART_BY_ADDRESS,
        "(channel, address) in (select channel, address from day_intermediate.touched_addresses)",
    )  # fmt: skip
    # what bears the day is written anew, and what refers to others is among it: they can be written where they differ
    for name in reversed(MARTS_BY_CONTACT):
        if name in _DATED:
            _delete(connection, "candidate", name, _EXCHANGED)
        else:
            compared.wait_for("candidate", name)
            _delete_gone(connection, "candidate", name)
    before = standing(connection)
    if before is None or _day(before) != _day(now):
        for name in _DATED:
            _date(connection, name, now)
    for name in MARTS_BY_CONTACT:
        if name in _DATED:
            _insert(connection, "candidate", name, _WRITTEN)
        else:
            _insert_come(connection, "candidate", name)
    _insert(connection, "candidate", MART_BY_ADDRESS, "true")


def _date(connection: psycopg.Connection[Any], name: str, now: State) -> None:
    """Gives all rows of a mart the day that is decided for, by a new column: no row is written again.

    What the contract says of the day is asked of every row that stands. A view on a candidate goes, as it does when dbt
    makes the table anew.
    """
    mart = sql.Identifier("candidate", name)
    checks = connection.execute(
        "select conname, pg_get_constraintdef(pg_constraint.oid) from pg_constraint"
        " inner join pg_attribute on attrelid = conrelid and attnum = any(conkey)"
        " where conrelid = %s::regclass and contype = 'c' and attname = 'decided_on'",
        (f"candidate.{name}",),
    ).fetchall()
    told = connection.execute(
        "select col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = %s::regclass and attname = 'decided_on'",
        (f"candidate.{name}",),
    ).fetchone()
    connection.execute(
        sql.SQL(
            "alter table {mart} drop column decided_on cascade;"
            " alter table {mart} add column decided_on date not null default {day};"
            " alter table {mart} alter column decided_on drop default;"
            " comment on column {mart}.decided_on is {told}"
        ).format(mart=mart, day=sql.Literal(_day(now)), told=sql.Literal(told[0] if told else None))
    )
    if checks:  # in one statement, which reads the table once
        added = [
            sql.SQL("add constraint {} {}").format(sql.Identifier(constraint), sql.SQL(definition))
            for constraint, definition in checks
        ]
        connection.execute(sql.SQL("alter table {} {}").format(mart, sql.SQL(", ").join(added)))


def _day(build: State) -> date:
    """The business day that a build decides for."""
    return build.as_of.astimezone(settings.BUSINESS_TIME_ZONE).date()


def _delete(connection: psycopg.Connection[Any], schema: str, name: str, condition: str) -> None:
    connection.execute(sql.SQL("delete from {} where {}").format(sql.Identifier(schema, name), sql.SQL(condition)))


def _insert(
    connection: psycopg.Connection[Any], schema: str, name: str, condition: str, *, read: str | None = None
) -> None:
    connection.execute(
        sql.SQL("insert into {} ({columns}) select {columns} from {} where {}").format(
            sql.Identifier(schema, name), sql.Identifier(PREFIX + schema, read or name), sql.SQL(condition),
            columns=_columns(connection, schema, name),
        )
    )  # fmt: skip


def _compare(connection: psycopg.Connection[Any], schema: str, name: str) -> None:
    """Finds, in one look at both, which of the replaced contacts' rows were not built again as they are and which came.

    Most stand as they were built. Rows are compared by a digest first: one contact may have thousands.
    """
    stands, built = (_columns(connection, schema, name, of=of) for of in ("stands", "built"))
    connection.execute(
        sql.SQL(
            "create unlogged table {differing} as"
            " select stands.place as gone, built.place as come"
            " from (select ctid as place, * from {standing} as stands where {replaced}) as stands"
            " full join (select ctid as place, * from {built} as built where {written}) as built"
            " on hash_record_extended(row({of_stands}), 0) = hash_record_extended(row({of_built}), 0)"
            " and row({of_stands}) is not distinct from row({of_built})"
            " where stands.place is null or built.place is null;"
            " analyze {differing}"
        ).format(
            differing=_differing(name),
            standing=sql.Identifier(schema, name),
            built=sql.Identifier(PREFIX + schema, name),
            replaced=sql.SQL("stands." + _EXCHANGED),
            written=sql.SQL("built." + _WRITTEN),
            of_stands=stands,
            of_built=built,
        )
    )


def _differing(name: str) -> sql.Identifier:
    """The places of the rows that differ; nothing moves a row before the transaction ends that waits for them."""
    return sql.Identifier(PREFIX + "intermediate", f"differing_{name}")


def _delete_gone(connection: psycopg.Connection[Any], schema: str, name: str) -> None:
    connection.execute(
        sql.SQL("delete from {} as stands using {} as differing where stands.ctid = differing.gone").format(
            sql.Identifier(schema, name), _differing(name)
        )
    )


def _insert_come(connection: psycopg.Connection[Any], schema: str, name: str) -> None:
    connection.execute(
        sql.SQL(
            "insert into {} ({}) select {} from {} as built inner join {} as differing on differing.come = built.ctid"
        ).format(
            sql.Identifier(schema, name), _columns(connection, schema, name),
            _columns(connection, schema, name, of="built"), sql.Identifier(PREFIX + schema, name), _differing(name),
        )
    )  # fmt: skip


def differences(connection: psycopg.Connection[Any]) -> dict[str, tuple[int, int]]:
    """Where the standing rows are not those of a full build in schemas of its own.

    Returns:
        For each table that differs, how many of its rows the full build has not, and how many it has besides.
    """
    marts = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'candidate' and table_name <> all(%s)"
        " order by table_name",
        (list(_LIVE),),
    ).fetchall()
    found = {}
    for schema, name in [*(("intermediate", name) for name in STANDING), *(("candidate", name) for (name,) in marts)]:
        stands, rebuilt = sql.Identifier(schema, name), sql.Identifier(REBUILT + schema, name)
        row = connection.execute(
            sql.SQL(
                "select (select count(*) from (select {columns} from {a} except all select {columns} from {b}) as d),"
                " (select count(*) from (select {columns} from {b} except all select {columns} from {a}) as d)"
            ).format(a=stands, b=rebuilt, columns=_columns(connection, schema, name))
        ).fetchone()
        assert row is not None
        if row != (0, 0):
            found[f"{schema}.{name}"] = row
    return found


def _columns(connection: psycopg.Connection[Any], schema: str, name: str, of: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(column) if of is None else sql.Identifier(of, column)
        for (column,) in connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = %s and table_name = %s order by ordinal_position",
            (schema, name),
        ).fetchall()
    )
