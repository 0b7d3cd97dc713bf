"""Which problems were told and are not over: a file in Optkeeper's home, since the database may be what is wrong."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from optkeeper import settings
from optkeeper.runtime.files import write_whole

Told = dict[str, str]  # what the mail that it is over needs: owner, title, since


@dataclass(slots=True)
class Standing:
    """The problems that stand, by the step or source that met them and by their cause. Holds no personal data."""

    problems: dict[str, dict[str, Told]] = field(default_factory=dict)

    def of(self, scope: str) -> dict[str, Told]:
        """The problems of one step or source."""
        return self.problems.get(scope, {})

    def add(self, scope: str, cause: str, owner: str, title: str) -> None:
        """Remembers that a problem was told."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self.problems.setdefault(scope, {})[cause] = {"owner": owner, "title": title, "since": since}

    def remove(self, scope: str, cause: str) -> None:
        """Forgets a problem that is over."""
        self.problems[scope].pop(cause, None)
        if not self.problems[scope]:
            del self.problems[scope]


@contextmanager
def standing() -> Iterator[Standing]:
    """What stands, for one task at a time; what is changed is kept at the end, also when telling fails midway."""
    folder = settings.home() / "alerts"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / "standing.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = Standing(json.loads(path.read_text()) if path.exists() else {})
        try:
            yield known
        finally:
            write_whole(path, json.dumps(known.problems, indent=1, sort_keys=True))
