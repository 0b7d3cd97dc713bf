"""The memory of this process and of the database's, while something runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Peak:
    """The most that was held at once, in bytes: by this process, and with all of the database's."""

    own: int = 0
    together: int = 0


@contextmanager
def watched(postmaster: int) -> Iterator[Peak]:
    """Watches while the block runs; pages that several processes share count once."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY_SECONDS):
            _look(peak, postmaster)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        _look(peak, postmaster)


def _look(peak: Peak, postmaster: int) -> None:
    own = psutil.Process().memory_info().rss
    server = psutil.Process(postmaster)
    peak.own = max(peak.own, own)
    peak.together = max(peak.together, own + sum(map(_share, [server, *server.children()])))


def _share(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0
