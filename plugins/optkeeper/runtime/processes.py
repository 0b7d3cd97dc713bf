"""Processes that outlive the command that started them, and that only their own record may stop.

A process is known by its id together with its start time, so that a number that the system has given
to another program since is never touched. Each runs in a session of its own; stopping ends the session.
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Supervised:
    """A named process, its record and its log in a folder."""

    name: str
    folder: Path

    @property
    def record(self) -> Path:
        """Where the process is written down."""
        return self.folder / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / f"{self.name}.log"

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts the command unless it runs already; an older one of the same name is ended first."""
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own command
                command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        written = self.record.with_suffix(".new")
        written.write_text(json.dumps({"pid": process.pid, "started": psutil.Process(process.pid).create_time()}))
        written.replace(self.record)

    def is_running(self) -> bool:
        """Whether the very process that was written down still runs."""
        return self._process() is not None

    def stop(self) -> bool:
        """Ends the process and its whole session; answers whether anything of it ran."""
        members = self._members()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for member in members:
                try:
                    member.send_signal(sign)
                except psutil.NoSuchProcess:
                    continue
            _, members = psutil.wait_procs(members, timeout=_PATIENCE_SECONDS)
            if not members:
                break
        found = self.record.exists()
        self.record.unlink(missing_ok=True)
        return found

    def _recorded(self) -> tuple[int, float] | None:
        try:
            record = json.loads(self.record.read_text())
            return int(record["pid"]), float(record["started"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _process(self) -> psutil.Process | None:
        recorded = self._recorded()
        if recorded is None:
            return None
        try:
            process = psutil.Process(recorded[0])
            same = abs(process.create_time() - recorded[1]) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def _members(self) -> list[psutil.Process]:
        """The process and all of its session, also where the process itself was killed and its children were not."""
        recorded = self._recorded()
        if recorded is None:
            return []
        session, started = recorded
        leader = self._process()
        if leader is None and psutil.pid_exists(session):
            return []  # the number belongs to somebody else by now
        members = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == session and process.create_time() >= started - 1:
                    members.append(process)
            except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                continue
        return members
