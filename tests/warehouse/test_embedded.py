"""What a kill can leave of an embedded server, and that nobody else is hurt."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from optkeeper.warehouse import embedded


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="opk-"))  # short, for the socket
    yield folder / "pg"
    embedded.stop(folder / "pg")
    shutil.rmtree(folder)


def _kill(data: Path) -> None:
    server = embedded._postmaster(data)
    assert server is not None
    members = [server, *server.children(recursive=True)]
    os.kill(server.pid, signal.SIGKILL)
    psutil.wait_procs(members, timeout=30)


def test_a_first_start_that_was_cut_off_is_made_anew(data: Path) -> None:
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")  # what initdb writes first
    (data / "base").mkdir()
    embedded._unfinished(data).touch()
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute("select current_database()").fetchone() == ("warehouse",)
    assert not embedded._unfinished(data).exists()


def test_a_killed_server_comes_back_with_its_data(data: Path) -> None:
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        connection.execute("create table kept as select 1 as one")
    _kill(data)
    assert not embedded.is_running(data)
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


_RUNS_WITH = """
select name, pg_size_bytes(current_setting(name)) from pg_settings
where name in ('shared_buffers', 'max_wal_size') order by name
"""
# of the memory whole pages
_WITH_MEMORY = [
    ("max_wal_size", 4 * 2**30),
    ("shared_buffers", min(2**30, psutil.virtual_memory().total // 4) // 8192 * 8192),
]


def test_a_new_server_runs_with_the_memory_that_landing_needs(data: Path) -> None:
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute(_RUNS_WITH).fetchall() == _WITH_MEMORY


def test_a_new_server_reads_its_tables_itself(data: Path) -> None:
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute("show io_method").fetchone() == ("sync",)


def test_a_new_server_whose_second_start_fails_is_started_once_more(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, attempts = embedded._start_as_set, []

    def started_too_late(server: Any, folder: Path) -> None:
        attempts.append(folder)
        start(server, folder)
        if len(attempts) == 1:
            _kill(folder)
            raise subprocess.TimeoutExpired("pg_ctl", 10)

    monkeypatch.setattr(embedded, "_start_as_set", started_too_late)
    monkeypatch.setattr(embedded.time, "sleep", lambda _: None)
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute(_RUNS_WITH).fetchall() == _WITH_MEMORY
    assert len(attempts) == 2
    assert not embedded._unfinished(data).exists()


def test_an_older_server_has_that_memory_after_its_next_start(data: Path) -> None:
    with psycopg.connect(embedded.url("warehouse", data), autocommit=True) as connection:
        connection.execute("alter system reset all")
    embedded.stop(data)
    for _ in range(2):  # it was started without them; they are asked for, and taken when it starts again
        with psycopg.connect(embedded.url("warehouse", data)) as connection:
            runs_with = connection.execute(_RUNS_WITH).fetchall()
        embedded.stop(data)
    assert runs_with == _WITH_MEMORY


def test_lock_files_that_a_kill_cut_off_are_taken_away(data: Path) -> None:
    embedded.url("warehouse", data)
    _kill(data)
    (data / "postmaster.pid").write_text("1234\n")
    (data / ".handle_pids.json").write_text("")
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_another_program_that_has_the_servers_number_by_now_is_never_touched(data: Path) -> None:
    embedded.url("warehouse", data)
    lines = (data / "postmaster.pid").read_text().splitlines()
    _kill(data)
    other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    (data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
    assert not embedded.is_running(data)
    assert not embedded.stop(data)
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert embedded.stop(data)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_dropped_database_is_gone_with_the_sessions_in_it(data: Path) -> None:
    with psycopg.connect(embedded.url("airflow", data), autocommit=True) as connection:
        connection.execute("create table half_made ()")
        embedded.drop("airflow", data)
    with psycopg.connect(embedded.url("airflow", data)) as connection:
        assert connection.execute("select to_regclass('half_made')").fetchone() == (None,)


def test_texts_compare_by_their_code_points_whatever_language_the_machine_speaks(data: Path) -> None:
    with psycopg.connect(embedded.url("warehouse", data)) as connection:
        ordered = connection.execute(
            "select string_agg(name, '' order by name) from unnest(array['b', 'É', 'a', 'B']) as name"
        )
        assert ordered.fetchone() == ("BabÉ",)
        assert connection.execute(
            "select datlocprovider::text, datlocale from pg_database where datname = current_database()"
        ).fetchone() == ("b", "C.UTF-8")


def test_the_servers_log_holds_no_row(server: Path, warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute("create temporary table people (address text unique)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        warehouse.execute("insert into people values ('anna@noord.example'), ('anna@noord.example')")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        warehouse.execute("select cast('anna@noord.example' as integer)")
    assert b"anna" not in (server / "log").read_bytes()
