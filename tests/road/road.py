"""The whole road without its scheduler: land what is given, build the production models, ask."""

import atexit
import functools
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from optkeeper import daily, evaluate, registry, registry_check, settings, transform
from optkeeper.landing.land import Landing, LandingCounts
from optkeeper.landing.pull import pull
from optkeeper.sources.stream import ConnectionDetails, StreamItem
from optkeeper.warehouse import database, embedded

SEEDS = Path(__file__).parents[1] / "scenarios" / "registry"


@dataclass
class Road:
    """A throw-away warehouse with seeds of its own."""

    address: str
    seeds: Path
    work: Path

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        with database.connect(self.address) as connection:
            yield connection

    def registered(self, file: str, *rows: str) -> None:
        """Rows added to a registry file; cells of columns that they do not have yet are empty."""
        (path,) = self.seeds.rglob(file)
        text = path.read_text().rstrip("\n")
        width = text.partition("\n")[0].count(",")
        path.write_text("\n".join((text, *(row + "," * (width - row.count(",")) for row in rows))) + "\n")

    def events(self, lines: Iterable[bytes | Mapping[str, Any]]) -> None:
        """Canonical events with the receipt that they state, whatever source they name; broken lines too."""
        path = self.work / "events.jsonl"
        path.write_bytes(
            b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        )
        with self.connected() as connection:
            evaluate._land(connection, path)

    def stream(self, source: str, items: Iterable[StreamItem]) -> LandingCounts:
        """What a connector's stream would bring."""
        with self.connected() as connection:
            return Landing(connection, source).land(iter(items))

    def files(self, source: str, folder: Path) -> LandingCounts:
        """A vendor's delivery, pulled by the connector of vendors' files."""
        registered = replace(registry.pulled_source("leadco"), source=source, vendor=source)
        with self.connected() as connection:
            return pull(connection, registered, ConnectionDetails(extra={"url": folder.resolve().as_uri()}))

    def ask(self, questions: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The answers by the questions' ids, asked for a moment after all that was landed unless they say when."""
        landed = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        whole = {"channel": "email", "purpose": "newsletter", "brand": "noord", "as_of": landed}
        lines = [json.dumps({**whole, **question}).encode() for question in questions]
        asked = [evaluate._read_question(line, number) for number, line in enumerate(lines, 1)]
        with self.connected() as connection:
            connection.execute("drop schema if exists evaluation cascade")
            evaluate._put(connection, asked)
            connection.execute("analyze")
        transform.run(
            ["build", "--no-write-json", "--select", "+answers", "--resource-type", "model", "--resource-type", "seed"],
            address=self.address, work_folder=self.work / "asked", variables={"questions": True}, seeds=self.seeds,
        )  # fmt: skip
        with self.connected() as connection:
            rows = connection.execute(evaluate._ANSWERS).fetchall()
        names = (
            "marketable",
            "basis",
            "status",
            "reason",
            "evidence_id",
            "expires_on",
            "renewal_due_on",
            "renewal_due",
        )
        return {
            str(question["id"]): dict(zip(names, row[1:], strict=True))
            for question, row in zip(asked, rows, strict=True)
        }

    def build(self, *models: str) -> None:
        """Builds the models for now, as production does, up to the contacts that its records are of."""
        now = datetime.now(UTC)
        with self.connected() as connection:
            transform.tell(connection, daily.State("road", now, now, 0, "unknown", "", 0, 0))
        transform.run(
            ["build", "--no-write-json", "--select", "+int_identity__resolved", *models,
             "--resource-type", "model", "--resource-type", "seed"],
            address=self.address, work_folder=self.work, seeds=self.seeds,
        )  # fmt: skip

    def quarantined(self) -> list[tuple[Any, ...]]:
        """Source, position, reason and field of all that stands in quarantine."""
        with self.connected() as connection:
            return connection.execute(
                "select source, position, reason, field from raw.quarantine order by quarantine_id"
            ).fetchall()


@contextmanager
def road(monkeypatch: Any) -> Iterator[Road]:
    """A road of its own: the seeds of the scenarios over the project's own."""
    number = next(number for number in itertools.count() if number not in _travelled)
    _travelled.add(number)
    work = _folder() / str(number)
    seeds = work / "seeds"
    shutil.copytree(settings.DBT_PROJECT / "seeds", seeds)
    registry_check.lay_over(SEEDS, seeds)
    monkeypatch.setattr(settings, "registry_folders", lambda: (seeds / "registry", seeds / "policy"))
    # a server of its own, by the name that the last one had: dbt parses all anew for another host
    data = Path(tempfile.mkdtemp(prefix="opk")) / "pg"
    (work / "pg").symlink_to(data)
    try:
        address = evaluate._throw_away_database(data).replace(str(data), str(work / "pg"))
        with database.connect(address) as connection:
            database.ensure_raw(connection)
        yield Road(database.as_login(address, database.PIPELINE), seeds, work)
    finally:
        embedded.stop(data)
        shutil.rmtree(data.parent, ignore_errors=True)
        _clear(work)
        _travelled.remove(number)


_travelled: set[int] = set()


@functools.cache
def _folder() -> Path:
    """Where this process has its roads: what dbt has parsed for one serves the next at the same place."""
    folder = Path(tempfile.mkdtemp(prefix="opk"))  # short, for the socket
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _clear(work: Path) -> None:
    for path in sorted(work.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name != "partial_parse.msgpack":
            path.unlink()
