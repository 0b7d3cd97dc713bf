"""Heads and leaves outside the warehouse, below `evidence/` of the deliveries' storage.

`<log>/latest` is the newest head; `<log>/heads/` holds every one, `<log>/restores/` why a newest one holds fewer leaves
than one before it, and `<log>/leaves/<from>-<to>` the hashes of the leaves that a seal added, 32 octets each. They are
salted and tell nothing of anybody. Who can change the warehouse but not this storage cannot make the log anew: where
the two differ, the leaves say which rows.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from optkeeper.delivery.storage import Destination
from optkeeper.evidence import merkle
from optkeeper.evidence.checkpoint import Head
from optkeeper.evidence.logs import Log

FOLDER = "evidence"
_LEAVES = re.compile(r"(\d{12})-(\d{12})")


class Outside:
    """What the storage holds of one log."""

    def __init__(self, destination: Destination, log: Log) -> None:
        """Reads and writes below `evidence/` at a destination."""
        self._destination = destination
        self._folder = f"{FOLDER}/{log.name}"

    @property
    def place(self) -> str:
        """Where the newest head stands."""
        return self._destination.url_of(f"{self._folder}/latest")

    def latest(self) -> str | None:
        """The newest head as a signed note; None where nothing was ever written."""
        content = self._destination.read(f"{self._folder}/latest")
        return None if content is None else content.decode("utf-8", "replace")

    def keep(self, head: Head, note: str, before: int, leaves: Path) -> None:
        """Writes the leaves from `before` on up to a head, which a file holds, then the head; the newest head last."""
        with TemporaryDirectory() as folder:
            local = Path(folder) / "part"
            self._cut(before, local)
            if head.size > before:
                self._destination.put(leaves, f"{self._folder}/leaves/{before:012d}-{head.size:012d}")
            local.write_text(note)
            self._destination.put(local, f"{self._folder}/heads/{head.received_until:%Y%m%dT%H%M%S.%fZ}-{head.size}")
            self._destination.put(local, f"{self._folder}/latest")

    def go_on(self, statement: str, moment: datetime, head: Head, note: str) -> None:
        """Makes a head, which holds fewer leaves than stand here, the newest; a signed statement says why.

        The leaves behind it are taken away last but for the head, so that an attempt that was killed is made again.
        """
        with TemporaryDirectory() as folder:
            local = Path(folder) / "part"
            local.write_text(statement)
            self._destination.put(local, f"{self._folder}/restores/{moment:%Y%m%dT%H%M%S.%fZ}")
            self._cut(head.size, local)
            local.write_text(note)
            self._destination.put(local, f"{self._folder}/latest")

    def _cut(self, size: int, local: Path) -> None:
        """Takes away what stands behind so many leaves: no head says it, since a seal or a restore broke off."""
        for name in self._destination.names(f"{self._folder}/leaves"):
            match = _LEAVES.fullmatch(name)
            if match is None or int(match[2]) <= size:
                continue
            path, first = f"{self._folder}/leaves/{name}", int(match[1])
            if first < size:
                hashes = self._destination.read(path) or b""
                local.write_bytes(hashes[: (size - first) * merkle.HASH_BYTES])
                self._destination.put(local, f"{self._folder}/leaves/{first:012d}-{size:012d}")
            self._destination.remove(path)

    def leaves(self) -> Iterator[tuple[int, bytes]]:
        """The hashes of the leaves as they were written, in their order: the number of the first, and the hashes."""
        spans = sorted(
            (int(match[1]), -int(match[2]), name)
            for name in self._destination.names(f"{self._folder}/leaves")
            if (match := _LEAVES.fullmatch(name))
        )
        reached = 0
        for first, last, name in spans:
            if first <= reached < -last:
                hashes = self._destination.read(f"{self._folder}/leaves/{name}") or b""
                yield reached, hashes[(reached - first) * merkle.HASH_BYTES :]
                reached = -last
