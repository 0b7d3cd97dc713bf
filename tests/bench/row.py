"""A line of the page of benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, its floor in the same run, and the goal for a million contacts."""

    measure: str
    measured: str
    floor: str
    ratio: str
    goal: str
