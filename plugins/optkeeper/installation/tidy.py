"""What an installation leaves behind day by day, taken away after a time: logs, runs, gate pages, dossiers.

Nothing of the warehouse is touched: what the gate found stands in it for good, and so does what was received.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optkeeper import settings
from optkeeper.installation import airflow


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many files of Airflow's logs, pages of runs of the gate, and dossiers were taken away."""

    logs: int
    gate_pages: int
    dossiers: int


def tidy(now: datetime | None = None) -> Tidied:
    """Takes away what is older than `settings.keep_days()`; safe to run at any time.

    Raises:
        InstallationFailed: Airflow could not clean its metadata.
    """
    before = (now or datetime.now(UTC)) - timedelta(days=settings.keep_days())
    airflow.run(
        "db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive", "--yes",
        "--error-on-cleanup-failure",
    )  # fmt: skip
    logs = sum(_removed(path) for path in _older(_logs(), before))
    pages = list(_folders_older(settings.home() / "gate", "*/index.html", before))
    dossiers = list(_folders_older(settings.home() / "dossiers", "*/*/dossier.json", before))
    for folder in pages + dossiers:
        shutil.rmtree(folder)
    return Tidied(logs, len(pages), len(dossiers))


def _logs() -> Path:
    return Path(os.environ.get("AIRFLOW_HOME") or settings.home() / "airflow") / "logs"


def _older(folder: Path, before: datetime) -> Iterator[Path]:
    """The files below a folder that nobody has written to since."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < before.timestamp():
            yield path


def _removed(log: Path) -> bool:
    """Takes a log away, and the folders of its run that it leaves empty."""
    log.unlink(missing_ok=True)
    for folder in log.parents:
        if folder == _logs() or any(folder.iterdir()):
            break
        folder.rmdir()
    return True


def _folders_older(folder: Path, having: str, before: datetime) -> Iterator[Path]:
    """The folders that hold a file which nobody has written to since."""
    for page in sorted(folder.glob(having)):
        if page.stat().st_mtime < before.timestamp():
            yield page.parent
