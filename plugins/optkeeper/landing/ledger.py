"""What has been landed for one source, as its connector and the landing ask for it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import psycopg

from optkeeper.sources.stream import FileOpened


class WarehouseLedger:
    """What has been landed for one source.

    Args:
        connection: one that nobody else uses meanwhile, or only as `settle` tells.
        settle: called before each question; returns once the connection is free.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], source: str, settle: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._source = source
        self._settle = settle

    def cursor(self, stream: str) -> Mapping[str, Any] | None:
        """The last committed state of a stream, or None."""
        self._settle()
        row = self._connection.execute(
            "select state from raw.cursors where source = %s and stream = %s", (self._source, stream)
        ).fetchone()
        return None if row is None else row[0]

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        """Whether this delivery of a file was read to its end before.

        The same bytes delivered again later are another delivery: what they say may no longer stand (R9).
        """
        self._settle()
        row = self._connection.execute(
            "select 1 from raw.files where source = %s and digest = %s and coalesce(modified_at, %s) = %s",
            (self._source, digest, modified_at, modified_at),
        ).fetchone()
        return row is not None

    def items_of_file(self, file: FileOpened) -> int:
        """How many records of a file that was not read to its end are stored."""
        self._settle()
        row = self._connection.execute(
            "select items from raw.file_progress where source = %s and digest = %s and reading = %s",
            (self._source, file.digest, file.reading),
        ).fetchone()
        return 0 if row is None else int(row[0])
