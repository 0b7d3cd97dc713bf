import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from optkeeper.runtime import identity
from optkeeper.runtime.processes import Supervised

WAITING = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
WITH_CHILD = f"import subprocess, sys, signal; subprocess.Popen([sys.executable, '-c', {WAITING!r}]); signal.pause()"
# fork a child in a process group of its own, as Airflow's tasks have
WITH_GROUP = "import os, signal; os.fork() or os.setpgid(0, 0); signal.pause()"


@pytest.fixture
def process(tmp_path: Path) -> Supervised:
    return Supervised("sample", tmp_path)


def _session(pid: int) -> list[psutil.Process]:
    living = []
    for process in psutil.process_iter():
        # another program of this machine may end between being listed and being asked
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
    return living


def _started(process: Supervised, script: str, members: int) -> int:
    process.start([sys.executable, "-c", script], os.environ)
    pid: int = json.loads(process.record.read_text())["pid"]
    while len(_session(pid)) < members:
        os.sched_yield()
    return pid


def test_stopping_ends_the_process_and_its_children(process: Supervised) -> None:
    pid = _started(process, WITH_CHILD, members=2)
    assert process.is_running()
    assert process.stop()
    assert not process.is_running()
    assert _session(pid) == []


def test_children_of_a_killed_process_are_ended_too(process: Supervised) -> None:
    pid = _started(process, WITH_CHILD, members=2)
    leader = psutil.Process(pid)
    leader.kill()
    leader.wait(10)
    assert len(_session(pid)) == 1
    process.stop()
    assert _session(pid) == []


def test_a_number_that_another_program_has_by_now_is_never_touched(process: Supervised) -> None:
    other = subprocess.Popen([sys.executable, "-c", WAITING], start_new_session=True)
    process.record.write_text(json.dumps({"pid": other.pid, "started": "another boot/1"}))
    assert not process.is_running()
    assert not process.stop()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_children_in_a_process_group_of_their_own_are_ended_too(process: Supervised) -> None:
    pid = _started(process, WITH_GROUP, members=2)
    process.stop()
    assert _session(pid) == []


def test_a_process_writes_itself_down_before_it_is_anything_else(process: Supervised) -> None:
    pid = _started(process, WAITING, members=1)
    assert json.loads(process.record.read_text()) == {"pid": pid, "started": identity.started(pid)}
    process.stop()


def test_a_process_that_will_not_end_is_killed(process: Supervised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optkeeper.runtime.processes._PATIENCE_SECONDS", 0.1)
    pid = _started(process, STUBBORN, members=1)
    while "deaf" not in process.log.read_text():
        os.sched_yield()
    assert process.stop()
    assert _session(pid) == []


def test_a_program_that_cannot_be_started_is_not_running_and_the_log_says_why(process: Supervised) -> None:
    process.start([str(process.folder / "missing")], os.environ)
    pid = json.loads(process.record.read_text())["pid"]
    while _session(pid):
        os.sched_yield()
    assert not process.is_running()
    assert "FileNotFoundError" in process.log.read_text()


@pytest.mark.parametrize("record", ["", "{", "null", '{"pid": "x"}'])
def test_a_record_that_a_kill_cut_off_is_no_process(process: Supervised, record: str) -> None:
    process.record.write_text(record)
    assert not process.is_running()
    process.stop()
    assert not process.record.exists()


def test_starting_again_replaces_what_ran(process: Supervised) -> None:
    first = _started(process, WAITING, members=1)
    second = _started(process, WAITING, members=1)
    assert first != second
    assert _session(first) == []
    process.stop()
