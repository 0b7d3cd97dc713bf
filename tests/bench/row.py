"""A line of the page of benchmarks."""

import logging
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, its floor in the same run, and the goal for a million contacts."""

    measure: str
    measured: str
    floor: str
    ratio: str
    goal: str


class Rows(list[Row]):
    """The lines of a table; each is told as soon as it is known, so that a long run that is cut off was not for nothing."""

    def append(self, row: Row) -> None:
        super().append(row)
        log.info("%s: %s (%s) %s", row.measure, row.measured, row.floor, row.ratio)
