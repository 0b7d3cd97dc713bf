"""The registries as Python reads them: which sources there are and how they are reached.

Rules never read these rows here; they read the same files as dbt seeds.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from optkeeper import settings


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A row of `sources.csv` joined with its row of `connectors.csv`."""

    source: str
    kind: str
    party: str
    vendor: str
    brand: str
    timezone: str
    connector: str
    connection_id: str
    owner: str
    max_age_hours: int
    max_drop_percent: int
    status_reread_days: int | None = None  # None: statuses are read with their records alone


def rows(name: str) -> list[dict[str, str]]:
    """All rows of a registry file, by its name without suffix.

    Raises:
        FileNotFoundError: no registry folder holds such a file.
    """
    return read(_path(name))


def state(name: str) -> tuple[Path, int, int]:
    """Which file a registry is and of which moment: what was read of it holds while this is the same.

    Raises:
        FileNotFoundError: no registry folder holds such a file.
    """
    path = _path(name)
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


def _path(name: str) -> Path:
    for folder in settings.registry_folders():
        path = folder / f"{name}.csv"
        if path.exists():
            return path
    raise FileNotFoundError(f"registry {name}.csv stands in none of {[f.name for f in settings.registry_folders()]}")


def read(path: Path) -> list[dict[str, str]]:
    """The rows of one registry file; a UTF-8 byte order mark is ignored."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def pulled_sources(connector: str | None = None) -> list[RegisteredSource]:
    """The sources that have a connector, in registry order; of one connector when it is named."""
    registered = {row["source"]: row for row in rows("sources")}
    found = []
    for row in rows("connectors"):
        if connector not in (None, row["connector"]):
            continue
        if row["source"] not in registered:
            raise LookupError(f"connectors.csv names source {row['source']!r}, which sources.csv does not hold")
        source = registered[row["source"]]
        found.append(
            RegisteredSource(
                source=row["source"],
                kind=source["kind"],
                party=source["party"],
                vendor=source["vendor"],
                brand=source["brand"],
                timezone=source["timezone"],
                connector=row["connector"],
                connection_id=row["connection_id"],
                owner=row["owner"],
                max_age_hours=int(row["max_age_hours"]),
                max_drop_percent=int(row["max_drop_percent"]),
                status_reread_days=int(row["status_reread_days"]) if row.get("status_reread_days") else None,
            )
        )
    return found


def pulled_source(name: str) -> RegisteredSource:
    """One source that has a connector.

    Raises:
        LookupError: no such source, or it has no connector.
    """
    for source in pulled_sources():
        if source.source == name:
            return source
    known = ", ".join(source.source for source in pulled_sources())
    raise LookupError(f"source {name!r} has no connector; sources that have one: {known}")
