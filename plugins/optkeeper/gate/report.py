"""What the gate found: results, and the failure that stops a publication. No text here holds personal data."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

CRITICAL = "critical"
_NAMED_IDS = 5
# A count that fell, and what it is compared with.
_COMPARED = {"total": "accepted_total", "candidate_rows": "accepted_rows", "records": "usual"}
_PERSONAL = re.compile(r"@|\s|\+\d{7}")


@dataclass(frozen=True, slots=True)
class StatementResult:
    """What became of one statement. `violations` is None where it could not be evaluated, and `problem` says why."""

    rule: str
    stated: str
    relation: str
    severity: str
    violations: int | None
    sample: tuple[Mapping[str, str | int | None], ...] = ()
    problem: str | None = None
    read: str = ""
    """The relation that was read, where that is not all of `relation` but what changed."""

    @property
    def suite(self) -> str:
        """The suite that it was evaluated in."""
        return self.read or self.relation

    @property
    def passed(self) -> bool:
        """Whether it was evaluated and nothing violates it."""
        return self.violations == 0

    @property
    def stops(self) -> bool:
        """Whether it keeps the candidate from being published."""
        return not self.passed and self.severity == CRITICAL

    @property
    def place(self) -> int:
        """Where it stands on a page: what stops first, then what warns, then what holds."""
        return 0 if self.stops else 2 if self.passed else 1

    def described(self) -> str:
        """One line: rule, count and ids."""
        if self.violations is None:
            return f"{self.rule}: could not be evaluated ({self.problem})"
        noun = "violation" if self.violations == 1 else "violations"
        named = "; ".join(
            ", ".join(f"{key} {value}" for key, value in row.items() if value is not None)
            for row in self.sample[:_NAMED_IDS]
        )
        more = "; ..." if self.violations > _NAMED_IDS else ""
        return f"{self.rule}: {self.violations} {noun} ({named}{more})"


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate found in a run, where its Data Docs begin, and of how many contacts that changed; None: of all."""

    run_id: str
    as_of: datetime
    checked_at: datetime
    results: tuple[StatementResult, ...]
    docs: Path
    contacts: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the candidate may be published: something was checked and nothing critical failed."""
        return bool(self.results) and not self.failures

    @property
    def failures(self) -> tuple[StatementResult, ...]:
        """The results that stop the publication."""
        return tuple(result for result in self.results if result.stops)

    @property
    def warnings(self) -> tuple[StatementResult, ...]:
        """The results that somebody should look at, but that stop nothing."""
        return tuple(result for result in self.results if not result.passed and not result.stops)

    def counts(self) -> dict[str, int]:
        """Statements checked, failed and warned; small enough for an XCom."""
        return {"checked": len(self.results), "failed": len(self.failures), "warned": len(self.warnings)}

    def described(self) -> str:
        """The verdict in text, with a line for each statement that does not hold."""
        if self.passed:
            verdict = f"the gate passed run {self.run_id}: {len(self.results)} statements checked"
        elif not self.results:
            verdict = f"the gate stopped run {self.run_id}: not one statement was checked"
        else:
            verdict = f"the gate stopped run {self.run_id}: {len(self.failures)} of {len(self.results)} statements fail"
        if not self.passed:
            verdict += "; nothing is published, what was published stands"
        if self.contacts is not None:
            verdict += f"; of contacts, the {self.contacts} that changed since the publication"
        lines = [verdict, *(result.described() for result in self.failures)]
        lines += [f"warning: {result.described()}" for result in self.warnings]
        return "\n".join([*lines, f"see {self.docs}"])


class GateFailed(Exception):
    """The candidate may not be published. The text names each rule with its count and ids, never an address."""

    def __init__(self, report: GateReport) -> None:
        """Puts the report's text into the exception."""
        super().__init__(report.described())
        self.report = report


def in_words(row: Mapping[str, Any]) -> str:
    """A violation as it is read: each value by its name, and a count that fell beside what it was and its limit."""
    count = next((name for name, base in _COMPARED.items() if row.get(name) is not None and row.get(base)), None)
    if count is None or row.get("max_drop_percent") is None:
        return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
    now, before = float(row[count]), float(row[_COMPARED[count]])
    compared = {count, _COMPARED[count], "max_drop_percent"}
    rest = ", ".join(f"{name} {value}" for name, value in row.items() if name not in compared and value is not None)
    fell = 100 * (before - now) / before
    return f"{rest}: {now:,.0f} where {before:,.0f} were, {fell:.0f}% fewer; limit {row['max_drop_percent']}%"


def nameable(value: Any) -> str | int | None:
    """A value of a violation that may be told: an id that looks like an address or a name is told by its digest."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    if _PERSONAL.search(text):
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return text
