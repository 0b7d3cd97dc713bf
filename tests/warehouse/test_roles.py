"""Who may read and write what: every login tried as that login, and everything that is not granted refused."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from optkeeper import settings
from optkeeper.warehouse import database, readers
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

Connection = psycopg.Connection[Any]
As = Callable[[str], Connection]
READERS = sorted(database.READERS)
SCHEMAS = ("raw", "gate", "delivery", "candidate", "marts")
# of every column a value that could be a person's, so that a grant too many shows
MART = """
create schema gate; create table gate.runs (run_id text);
create schema delivery; create table delivery.lists (list text);
create schema candidate; create table candidate.decisions (contact_id text, address text);
create schema marts; create table marts.decisions (contact_id text, address text, channel text);
create table marts.renewal_due (contact_id text, address text); create table marts.unnamed (contact_id text);
insert into marts.decisions values ('c1', 'anna@noord.example', 'email');
create schema registry; create table registry.mart_readers (login text, relation text, columns text);
insert into registry.mart_readers values
    ('analyst', 'decisions', 'contact_id|channel'), ('marketing', 'renewal_due', '*'), ('analyst', 'absent', '*');
"""


@pytest.fixture
def as_(owner_url: str) -> Iterator[As]:
    """Connects as a login; the connections end with the test."""
    with ExitStack() as stack:
        yield lambda login: stack.enter_context(database.connect(database.as_login(owner_url, login)))


@pytest.fixture
def granted(warehouse: Connection) -> Connection:
    """Marts that were granted to their readers, by the login that publishes."""
    warehouse.execute(MART.encode())
    readers.grant(warehouse, "marts")
    return warehouse


def test_a_login_that_nobody_named_cannot_even_connect(owner: Connection, as_: As) -> None:
    owner.execute("drop role if exists stranger")
    owner.execute("create role stranger login")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_("stranger")


@pytest.mark.parametrize("login", READERS)
@pytest.mark.parametrize(
    "change",
    [
        "insert into marts.decisions values ('c2')", "update marts.decisions set channel = 'post'",
        "delete from marts.decisions", "truncate marts.decisions", "drop table marts.decisions",
        "create table marts.own (a int)", "create schema own", "create temporary table own (a int)",
        "insert into raw.builds (run_id, as_of, known_at) values ('r', now(), now())",
    ],
)  # fmt: skip
def test_a_reader_changes_nothing(granted: Connection, as_: As, login: str, change: str) -> None:
    reader = as_(login)
    with pytest.raises((ReadOnlySqlTransaction, InsufficientPrivilege)):
        reader.execute(change.encode())
    # the guard can be switched off by whoever connects; the rights cannot
    reader.execute("set default_transaction_read_only = off")
    with pytest.raises(InsufficientPrivilege):
        reader.execute(change.encode())


@pytest.mark.parametrize("login", ["analyst", "marketing"])
@pytest.mark.parametrize(
    "relation", ["raw.records", "gate.runs", "delivery.lists", "candidate.decisions", "marts.unnamed"]
)
def test_what_is_not_granted_is_refused(granted: Connection, as_: As, login: str, relation: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        as_(login).execute(f"select * from {relation}".encode())


def test_an_analyst_reads_the_named_columns_and_no_other(granted: Connection, as_: As) -> None:
    analyst = as_("analyst")
    assert analyst.execute("select contact_id, channel from marts.decisions").fetchall() == [("c1", "email")]
    for query in ("select address from marts.decisions", "select * from marts.decisions", "table marts.renewal_due"):
        with pytest.raises(InsufficientPrivilege):
            analyst.execute(query.encode())


def test_an_analyst_may_ask_for_all_columns_of_the_view_by_its_bare_name(granted: Connection, as_: As) -> None:
    assert as_("analyst").execute("select * from decisions").fetchall() == [("c1", "email")]


def test_marketing_reads_whole_lists_and_no_decision(granted: Connection, as_: As) -> None:
    marketing = as_("marketing")
    assert marketing.execute("select address from marts.renewal_due").fetchall() == []
    with pytest.raises(InsufficientPrivilege):
        marketing.execute("select contact_id from marts.decisions")


def test_what_the_seed_names_no_more_is_taken_back(granted: Connection, as_: As) -> None:
    granted.execute("update registry.mart_readers set columns = 'channel' where login = 'analyst'")
    granted.execute("delete from registry.mart_readers where login = 'marketing'")
    readers.grant(granted, "marts")
    assert as_("analyst").execute("select * from decisions").fetchall() == [("email",)]
    with pytest.raises(InsufficientPrivilege):
        as_("analyst").execute("select contact_id from marts.decisions")
    with pytest.raises(InsufficientPrivilege):
        as_("marketing").execute("select address from marts.renewal_due")


def test_granting_again_waits_for_no_analyst_who_reads(granted: Connection, as_: As) -> None:
    analyst = as_("analyst")
    with analyst.transaction():
        analyst.execute("select * from decisions")
        granted.execute("set lock_timeout = '2s'")
        readers.grant(granted, "marts")


def test_the_privacy_officer_reads_everything_that_is_and_that_the_pipeline_makes_later(
    granted: Connection, as_: As
) -> None:
    granted.execute("create schema later; create table later.anything (a int)")
    officer = as_("privacy_officer")
    relations = officer.execute(
        "select quote_ident(table_schema) || '.' || quote_ident(table_name) from information_schema.tables"
        " where table_schema !~ '^(pg_|information_schema)'"
    ).fetchall()
    assert {schema.split(".")[0] for (schema,) in relations} >= {*SCHEMAS, "later"}
    for (relation,) in relations:
        officer.execute(f"select * from {relation} limit 1".encode())


def test_the_pipeline_owns_no_evidence_and_cannot_switch_its_guard_off(warehouse: Connection) -> None:
    for attempt in (
        "alter table raw.records disable trigger refuse_change", "drop trigger refuse_change on raw.records",
        "drop table raw.records", "set session_replication_role = replica", "set role postgres",
        "alter table raw.records add column note text", "create table raw.own (a int)",
    ):  # fmt: skip
        with pytest.raises(InsufficientPrivilege):
            warehouse.execute(attempt.encode())


def test_a_new_warehouse_that_its_login_may_not_prepare_says_who_does(owner_url: str, owner: Connection) -> None:
    owner.execute("comment on schema raw is 'Prepared as of another version.'")
    with (
        database.connect(database.as_login(owner_url, database.PIPELINE)) as pipeline,
        pytest.raises(database.NotPrepared, match="`optkeeper prepare`"),
    ):
        database.ensure_raw(pipeline)


def test_an_owner_who_is_no_superuser_prepares_it_too(owner: Connection, owner_url: str) -> None:
    name = f"{owner.info.dbname}_dba"
    owner.execute(f"create role {name} login createrole".encode())
    owner.execute(f"create database {name} owner {name}".encode())
    for login in (database.PIPELINE, *database.READERS):
        owner.execute(f"grant {login} to {name} with admin option".encode())
    address = database.as_login(owner_url, name).replace(f"/{owner.info.dbname}?", f"/{name}?")
    with database.connect(address) as dba:
        database.ensure_raw(dba)
    with database.connect(database.as_login(address, database.PIPELINE)) as pipeline:
        pipeline.execute("create schema own; create table own.made (a int)")
    with database.connect(database.as_login(address, "privacy_officer")) as officer:
        assert officer.execute("select * from own.made").fetchall() == []


def test_what_the_owner_has_set_for_the_pipeline_stays(owner: Connection, owner_url: str) -> None:
    settings_of = "select unnest(rolconfig) from pg_roles where rolname = 'pipeline'"
    assert ("work_mem=128MB",) in owner.execute(settings_of).fetchall()
    owner.execute("alter role pipeline set work_mem = '32MB'")
    owner.execute("comment on schema raw is null")  # as a version of before
    database.ensure_raw(owner)
    assert ("work_mem=32MB",) in owner.execute(settings_of).fetchall()
    owner.execute("alter role pipeline reset work_mem")


def test_a_password_that_is_given_becomes_the_logins_and_stands_nowhere_in_the_clear(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTKEEPER_ANALYST_PASSWORD", "geheim123")
    database.prepare(owner)
    held = dict(
        owner.execute("select rolname, rolpassword from pg_authid where rolname = any(%s)", (READERS,)).fetchall()
    )
    assert held["analyst"].startswith("SCRAM-SHA-256$")
    assert held["marketing"] is None
    owner.execute("alter role analyst password null")


def test_what_an_older_installation_made_goes_over_to_the_pipeline(owner: Connection, warehouse: Connection) -> None:
    owner.execute("create schema marts; create table marts.contacts (contact_id text); create view marts.v as select 1")
    owner.execute("comment on schema raw is 'as it was'")
    database.ensure_raw(owner)
    warehouse.execute("drop view marts.v; alter table marts.contacts add column country text")


def test_the_seed_names_no_column_that_identifies_a_person() -> None:
    identifying = {
        "address", "first_name", "last_name", "company", "domain", "ip", "user_agent", "recording_ref", "document_ref",
        "parental_ref", "order_id", "source_contact_id", "form_url", "publication_url", "publication_snapshot", "detail",
        "record_position", "event_key", "evidence_id", "granted_by", "anchored_by", "because_of",
    }  # fmt: skip
    with (settings.DBT_PROJECT / "seeds" / "mart_readers.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["login"] == "analyst"]
    assert len(rows) > 15
    for row in rows:
        assert not identifying & set(row["columns"].split("|")), row["relation"]
