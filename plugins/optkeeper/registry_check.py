"""Policy and registries fail closed: what is missing, doubled or overlapping stops a build by name.

No rule is decided here. It is held that for every question there is one row to decide by: every key of
`policy_keys.csv` has a value for all countries and channels from its first day on without end, no row of the same
subject stands twice for a day, and every value is of its kind.
"""

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from optkeeper import registry, settings
from optkeeper.landing import countries

_BEFORE, _AFTER = date.min, date.max


class RegistryFault(ValueError):
    """Policy or registries cannot be decided by; the text names file, row and what is wrong."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("the registries stop the build: " + "; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one row of a file is about, and in which columns the first and last day stand for which it holds."""

    columns: tuple[str, ...]
    first_day: str = ""
    last_day: str = ""


_SUBJECTS = {
    "policy.csv": _Subject(("key", "country", "channel"), "valid_from", "valid_to"),
    "policy_keys.csv": _Subject(("key",)),
    "basis_matrix.csv": _Subject(("country", "channel", "recipient_form", "basis"), "valid_from", "valid_to"),
    "consent_texts.csv": _Subject(("text_version",)),
    "purposes.csv": _Subject(("purpose",)),
    "legitimate_interest_assessments.csv": _Subject(("lia_ref",)),
    "sources.csv": _Subject(("source",)),
    "connectors.csv": _Subject(("source",)),
    "vendors.csv": _Subject(("vendor", "agreement_kind"), "agreement_from", "agreement_to"),
    "lead_channels.csv": _Subject(("lead_channel",)),
    "vendor_columns.csv": _Subject(("source", "field")),
    "vendor_file_formats.csv": _Subject(("source", "file_pattern")),
    "platform_ways_in.csv": _Subject(("source", "list", "way_in"), "valid_from", "valid_to"),
    "event_types.csv": _Subject(("event_type",)),
    "reasons.csv": _Subject(("reason",)),
    "gate_limits.csv": _Subject(("relation",)),
    "renewal_forms.csv": _Subject(("brand", "channel", "language")),
    "list_recipients.csv": _Subject(("list", "brand", "channel")),
}
_ALLOWED = {
    ("basis_matrix.csv", "allowed"): ("true", "false"),
    ("consent_texts.csv", "state"): ("valid", "invalid"),
    ("lead_channels.csv", "state"): ("cleared", "legal_review", "blocked"),
    ("sources.csv", "party"): ("first_party", "vendor"),
    ("sources.csv", "double_opt_in"): ("true", "false"),
    ("sources.csv", "import_only"): ("true", "false"),
    ("legitimate_interest_assessments.csv", "state"): ("approved", "draft", "rejected"),
    ("platform_ways_in.csv", "needs_ip"): ("true", "false"),
    ("policy.csv", "channel"): ("*", "email", "phone", "sms", "post"),
}


def check(seeds: Path | None = None) -> None:
    """Holds the project's policy and registries, or those of another folder of seeds.

    Raises:
        RegistryFault: a build could not decide by them; every fault is named.
    """
    faults = list(_faults(seeds or settings.DBT_PROJECT / "seeds"))
    if faults:
        raise RegistryFault(faults)


def lay_over(own: Path, seeds: Path) -> None:
    """Puts the registry files of a folder over a copy of the project's seeds.

    A policy key that the folder's own file does not name at all keeps the project's rows.
    """
    for path in sorted(own.glob("*.csv")):
        standing = next(iter(seeds.rglob(path.name)), seeds / path.name)
        shutil.copyfile(path, standing)


def complete(seeds: Path) -> None:
    """Gives a folder of seeds the project's rows of every policy key that its policy does not name at all."""
    path = _found(seeds, "policy.csv")
    if path is None:
        return
    rows = registry.read(path)
    named = {row["key"] for row in rows}
    lacking = [row for row in _project_policy() if row["key"] not in named]
    if not rows or not lacking:
        return
    columns = list(rows[0])
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, *lacking])


def _project_policy() -> list[dict[str, str]]:
    path = _found(settings.DBT_PROJECT / "seeds", "policy.csv")
    return registry.read(path) if path is not None else []


def _found(seeds: Path, name: str) -> Path | None:
    return next(iter(sorted(seeds.rglob(name))), None)


def _faults(seeds: Path) -> Iterator[str]:
    for name, subject in _SUBJECTS.items():
        path = _found(seeds, name)
        if path is None:
            yield f"{name} is missing"
            continue
        rows = registry.read(path)
        lacking = [column for column in subject.columns if rows and column not in rows[0]]
        if lacking:
            yield f"{name} has no column {', '.join(lacking)}"
            continue
        yield from _broken_rows(name, rows)
        yield from _overlaps(name, subject, rows)
        if name == "policy.csv":
            yield from _policy_faults(rows, _kinds(seeds))


def _kinds(seeds: Path) -> Mapping[str, str]:
    path = _found(seeds, "policy_keys.csv")
    return {row["key"]: row["kind"] for row in registry.read(path)} if path is not None else {}


def _broken_rows(name: str, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            yield f"{name} line {number} has another number of cells than the header"
            continue
        for (file, column), allowed in _ALLOWED.items():
            if file == name and column in row and row[column].strip().lower() not in allowed:
                yield f"{name} line {number}: {column} is none of {', '.join(allowed)}"


def _overlaps(name: str, subject: _Subject, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    periods: dict[tuple[str, ...], list[tuple[date, date, int]]] = {}
    for number, row in enumerate(rows, 2):
        about = tuple((row.get(column) or "").strip() for column in subject.columns)
        try:
            first = _day(row.get(subject.first_day), _BEFORE)
            last = _day(row.get(subject.last_day), _AFTER)
        except ValueError:
            yield f"{name} line {number} ({_named(about)}): a date is not written as YYYY-MM-DD"
            continue
        if first > last:
            yield f"{name} line {number} ({_named(about)}) ends before it begins"
            continue
        periods.setdefault(about, []).append((first, last, number))
    for about, held in periods.items():
        for (_, last, number), (first, _, other) in pairwise(sorted(held)):
            if first <= last:
                what = "stands twice" if not subject.first_day else "has rows that overlap"
                yield f"{name}: {_named(about)} {what} (lines {min(number, other)} and {max(number, other)})"


def _policy_faults(rows: Sequence[Mapping[str, str]], kinds: Mapping[str, str]) -> Iterator[str]:
    for key, kind in kinds.items():
        of_key = [row for row in rows if row["key"].strip() == key]
        for_all = [row for row in of_key if (row["country"].strip(), row["channel"].strip()) == ("*", "*")]
        if not for_all:
            yield f"policy.csv has no row of {key} for all countries and channels"
        else:
            yield from _gaps(key, for_all)
        for row in of_key:
            if not _is_of_kind(row["value"].strip(), kind):
                yield f"policy.csv: a value of {key} is no {kind}"


def _gaps(key: str, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    try:
        periods = sorted((_day(row["valid_from"], _BEFORE), _day(row["valid_to"], _AFTER)) for row in rows)
    except ValueError:
        return  # told where the rows are compared
    for (_, last), (first, _) in pairwise(periods):
        if last < _AFTER and first > last + timedelta(days=1):
            yield f"policy.csv: {key} has no row from {last + timedelta(days=1)} to {first - timedelta(days=1)}"
    if periods[-1][1] != _AFTER:
        yield f"policy.csv: {key} has no row after {periods[-1][1]}"


def _is_of_kind(value: str, kind: str) -> bool:
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "country":
        return countries.code(value) == value != countries.UNREADABLE
    if kind == "count":
        return value.isascii() and value.isdigit() and len(value) <= 5
    return value != ""


def _day(text: str | None, otherwise: date) -> date:
    return date.fromisoformat(text.strip()) if text and text.strip() else otherwise


def _named(about: Sequence[str]) -> str:
    return " ".join(about)
