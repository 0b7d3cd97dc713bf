"""Connections to the warehouse, embedded or external, and its `raw` schema."""

import hashlib
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from optkeeper import settings
from optkeeper.warehouse import embedded

DATABASE = "warehouse"
PIPELINE = "pipeline"
READERS = ("privacy_officer", "analyst", "marketing")
AIRFLOW = "airflow"  # the login of Airflow's metadata, and their database
OLDEST_SERVER = 16  # `pg_input_is_valid`, which staging reads doubtful values by


class NotPrepared(Exception):
    """The warehouse is new or of another version, and this login may not prepare it."""


class ServerTooOld(Exception):
    """The PostgreSQL server is older than the models need."""


def url() -> str:
    """The warehouse's address in libpq's form, as the login that the steps run as.

    The embedded server is started when it is the default and does not run; its warehouse is prepared.
    """
    external = settings.external_warehouse_url()
    if external:
        return external
    owner = embedded.url(DATABASE)
    with connect(owner) as connection:
        ensure_raw(connection)
    return as_login(owner, PIPELINE)


def as_login(address: str, login: str) -> str:
    """The same database as another login; a password goes with the login, and whoever connects is asked for it."""
    split = urlsplit(address)
    place = split.netloc.rpartition("@")[2]
    return urlunsplit(split._replace(netloc=f"{quote(login)}@{place}"))


def reader_url(login: str) -> str:
    """The warehouse's address as one of its readers."""
    return as_login(url(), login)


def connect(address: str | None = None) -> psycopg.Connection[Any]:
    """A connection in autocommit, its session in UTC."""
    return psycopg.connect(address or url(), autocommit=True, options="-c timezone=UTC -c client_min_messages=warning")


def ensure_raw(connection: psycopg.Connection[Any]) -> None:
    """Creates what is missing of the `raw` schema and of the logins; safe to run at any time, also by two at once.

    Raises:
        NotPrepared: something is missing, and the connection's login may not make it.
        ServerTooOld: the models would fail on this server.
    """
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise ServerTooOld(
            f"the warehouse's server is PostgreSQL {connection.info.server_version // 10_000}; Optkeeper needs"
            f" {OLDEST_SERVER} or newer"
        )
    parts_ = [files("optkeeper.warehouse").joinpath(name).read_text() for name in ("schema.sql", "roles.sql")]
    mark = f"What was received, as it was received; append-only. Prepared as {_digest(parts_)}."
    if _prepared_as(connection) == mark:
        return
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtext('optkeeper.raw'))")
            for part in parts_:
                connection.execute(part.encode())
            connection.execute(sql.SQL("comment on schema raw is {}").format(sql.Literal(mark)))
    except psycopg.errors.InsufficientPrivilege:
        raise NotPrepared(
            "the warehouse is new or of another version: its owner runs `optkeeper prepare` once, with"
            " OPTKEEPER_WAREHOUSE_URL naming a login that owns the database and may create logins"
        ) from None


def prepare(connection: psycopg.Connection[Any]) -> None:
    """What the owner of a warehouse does once, and again at a new version: schema, logins, and the passwords given.

    Raises:
        NotPrepared: the connection's login may not make them.
    """
    ensure_raw(connection)
    for login in (PIPELINE, *READERS):
        password = settings.login_password(login)
        if password is not None:
            _set_password(connection, login, password)


def prepare_airflow(connection: psycopg.Connection[Any]) -> bool:
    """Makes a database and login for Airflow's metadata on a server, where a password for it is given.

    Returns:
        whether one is given.
    """
    password = settings.login_password(AIRFLOW)
    if password is None:
        return False
    name = sql.Identifier(AIRFLOW)
    if not connection.execute("select 1 from pg_roles where rolname = %s", (AIRFLOW,)).fetchone():
        connection.execute(sql.SQL("create role {} login").format(name))
    _set_password(connection, AIRFLOW, password)
    if not connection.execute("select 1 from pg_database where datname = %s", (AIRFLOW,)).fetchone():
        connection.execute(sql.SQL("grant {} to current_user").format(name))
        connection.execute(sql.SQL("create database {0} owner {0}").format(name))
    connection.execute(sql.SQL("revoke all on database {} from public").format(name))
    return True


def _set_password(connection: psycopg.Connection[Any], login: str, password: str) -> None:
    # hashed here, so that the server never sees it and no log of its can hold it
    hashed = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(login), sql.Literal(hashed)))


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _prepared_as(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("select obj_description(to_regnamespace('raw'), 'pg_namespace')").fetchone()
    return row[0] if row else None


def parts(address: str | None = None) -> dict[str, str]:
    """The address as dbt's profile wants it: host (or socket folder), port, user, password, dbname."""
    split = urlsplit(address or url())
    query = parse_qs(split.query)
    return {
        "host": query.get("host", [split.hostname or "localhost"])[0],
        "port": str(query.get("port", [split.port or 5432])[0]),
        "user": unquote(split.username or "postgres"),
        "password": unquote(split.password or ""),
        "dbname": split.path.lstrip("/") or DATABASE,
    }


def sqlalchemy_url(address: str | None = None, driver: str = "postgresql+psycopg") -> str:
    """The address for SQLAlchemy; over a socket it still names a host, which some libraries insist on."""
    part = parts(address)
    login = f"{part['user']}:{part['password'] or 'x'}"
    if part["host"].startswith("/"):
        return f"{driver}://{login}@localhost:{part['port']}/{part['dbname']}?host={part['host']}"
    return f"{driver}://{login}@{part['host']}:{part['port']}/{part['dbname']}"
