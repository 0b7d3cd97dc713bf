"""Connections to the warehouse, embedded or external, and its `raw` schema."""

from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from optkeeper import settings
from optkeeper.warehouse import embedded

DATABASE = "warehouse"


def url() -> str:
    """The warehouse's address in libpq's form; starts the embedded server when it is the default and not running."""
    return settings.external_warehouse_url() or embedded.url(DATABASE)


def connect(address: str | None = None) -> psycopg.Connection[Any]:
    """A connection in autocommit, its session in UTC, with the `raw` schema in place."""
    return psycopg.connect(address or url(), autocommit=True, options="-c timezone=UTC -c client_min_messages=warning")


def ensure_raw(connection: psycopg.Connection[Any]) -> None:
    """Creates what is missing of the `raw` schema; safe to run at any time, also by two at once."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('optkeeper.raw'))")
        connection.execute(files("optkeeper.warehouse").joinpath("schema.sql").read_text())


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
