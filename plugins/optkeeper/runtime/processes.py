"""Processes that outlive the command that started them, and that only their own record may stop.

A process is known by its number together with its start, so that a number that the system has given
to another program since is never touched. Each runs in a session of its own; stopping ends the session.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from optkeeper.runtime import identity

_PATIENCE_SECONDS = 20
_LARGEST_LOG = 20_000_000


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
        """Starts a command, its program by its whole path; an older one of the same name is ended first."""
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "optkeeper.runtime.recorded", str(self.record), *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while process.poll() is None and not self.record.exists():
            time.sleep(0.02)

    def is_running(self) -> bool:
        """Whether the very process that was written down still runs."""
        recorded = self._recorded()
        if recorded is None or identity.started(recorded[0]) != recorded[1]:
            return False
        try:
            return psutil.Process(recorded[0]).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def stop(self) -> bool:
        """Ends the process and its whole session; answers whether anything of it ran."""
        members = self._members()
        ran = bool(members)
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for member in members:
                try:
                    member.send_signal(sign)
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(members, timeout=_PATIENCE_SECONDS)
            members = self._members()  # also those that were born meanwhile
            if not members:
                break
        self.record.unlink(missing_ok=True)
        return ran

    def _recorded(self) -> tuple[int, str] | None:
        try:
            record = json.loads(self.record.read_text())
            return int(record["pid"]), str(record["started"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _members(self) -> list[psutil.Process]:
        """The process and all of its session, also where the process itself was killed and its children were not."""
        recorded = self._recorded()
        if recorded is None:
            return []
        session, started = recorded
        if identity.started(session) not in (started, None):
            return []  # the number is somebody else's by now, so of the session nobody is left
        members = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
            except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                continue
        return members
