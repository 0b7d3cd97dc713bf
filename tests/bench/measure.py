"""Runs every stage once on made-up histories and measures it beside the least that it could cost, in the same run."""

import itertools
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
from optkeeper import transform
from optkeeper.delivery.deliver import deliver
from optkeeper.delivery.storage import opened
from optkeeper.evidence import keys, logs
from optkeeper.evidence.seal import seal
from optkeeper.gate.run import run_gate
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.warehouse import database, embedded
from optkeeper.warehouse.publish import publish

from tests.bench import memory
from tests.bench.histories import LAST, Event, a_day_later, histories
from tests.bench.row import Row, Rows
from tests.bench.sealing import proof_seconds

AS_OF = LAST + timedelta(days=1)
_CLIENTS, _LOOKUPS = 4, 250
_KNOWN = 1_000_000  # of each source so many are landed again: enough for a rate
_FLOOR = """
create table bench_floor as
select
    payload -> 'contact' ->> 'email' as key, cast(payload ->> 'occurred_at' as timestamptz) as instant,
    payload ->> 'type' as event_type, source, record_id
from raw.records
order by key, instant
"""
_LOOKUP = "select * from marts.address_decisions where channel = 'email' and address = %s"
_IDENTITY = "int_identity__"


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run found, and what stands in the warehouse afterwards."""

    contacts: int
    events: int
    rows: list[Row]
    models: list[tuple[str, float]]  # the slowest models of the full build, in seconds
    address: str


class _Clock:
    def __init__(self, postmaster: int) -> None:
        self.postmaster = postmaster
        self.peak = memory.Peak()

    def time(self, work: Callable[[], Any]) -> tuple[float, memory.Peak]:
        """How many seconds something takes, and the memory at its most."""
        with memory.watched(self.postmaster) as peak:
            began = time.perf_counter()
            work()
            seconds = time.perf_counter() - began
        self.peak.together = max(self.peak.together, peak.together)
        return seconds, peak


@contextmanager
def _told(step: str) -> Iterator[None]:
    """Tells how long a step took that is no line of the table."""
    began = time.perf_counter()
    yield
    log.info("%s in %.1f s", step, time.perf_counter() - began)


def measure(contacts: int, work: Path) -> Bench:
    """Runs all stages for so many contacts, in a warehouse below a folder."""
    owner = embedded.url("bench", work / "postgres")
    with database.connect(owner) as connection:
        database.ensure_raw(connection)
        connection.execute("create schema if not exists bench; grant all on schema bench to pipeline")
    address = database.as_login(owner, database.PIPELINE)
    clock = _Clock(int((work / "postgres" / "postmaster.pid").read_text().split()[0]))
    files = _written(histories(contacts), work / "events")
    later = _written(a_day_later(contacts), work / "later")
    rows = Rows()
    with database.connect(address) as connection:
        connection.execute("set search_path to bench, public")
        events = _land(connection, clock, files, rows)
        full, models = _build(connection, clock, address, work, rows)
        _seal(connection, clock, work, contacts, rows)
        _daily(connection, clock, address, work, full, later, rows)
        _read(connection, clock, address, work, contacts, rows)
    rows.append(
        Row("peak memory, PostgreSQL and Python together", f"{clock.peak.together / 1e9:.2f} GB", "", "", "under 4 GB")
    )
    return Bench(contacts, events, rows, models, address)


def _written(events: Iterable[Event], folder: Path) -> dict[str, Path]:
    """The events of each source in a file of its own, as a canonical feed delivers them."""
    folder.mkdir(parents=True)
    by_source: dict[str, Any] = {}
    for event in events:
        file = by_source.get(event["source"])
        if file is None:
            file = by_source[event["source"]] = (folder / f"{event['source']}.jsonl").open("w", encoding="utf-8")
        file.write(json.dumps(event) + "\n")
    for file in by_source.values():
        file.close()
    return {source: folder / f"{source}.jsonl" for source in sorted(by_source)}


def _landed(
    connection: psycopg.Connection[Any], source: str, path: Path, *, is_history: bool = True, most: int | None = None
) -> int:
    """Lands a file, or so many of its lines.

    Of a history each record was received when it says, of what came after the seal it is received now.
    """
    with path.open("rb") as lines:
        landing = Landing(connection, source, honour_received_at=is_history)
        told = itertools.islice(lines, most)
        return landing.land(read_events(told, path.name, source)).records_seen


def _land(connection: psycopg.Connection[Any], clock: _Clock, files: dict[str, Path], rows: list[Row]) -> int:
    events = sum(1 for path in files.values() for _ in path.open("rb"))
    floor, _ = clock.time(lambda: _copied(connection, files.values()))
    for measure_, goal, most in (
        ("landing, first load", "at least 0.6 of its rate; under 300 MB", None),
        ("landing again, all known", "at least 0.6 of its rate", _KNOWN),
    ):
        landed: list[int] = []
        seconds, peak = clock.time(
            lambda most=most, landed=landed: landed.extend(
                _landed(connection, source, path, most=most) for source, path in files.items()
            )
        )
        rate, bare = sum(landed) / seconds, events / floor
        rows.append(
            Row(
                measure_, f"{rate:,.0f} records/s, {peak.own / 1e6:.0f} MB",
                f"bare `COPY` into jsonb {bare:,.0f}/s", f"{rate / bare:.2f}", goal,
            )
        )  # fmt: skip
    return events


def _copied(connection: psycopg.Connection[Any], paths: Iterable[Path]) -> None:
    connection.execute("create table bench_documents (payload jsonb)")
    with connection.cursor() as cursor, cursor.copy("copy bench_documents from stdin") as copy:
        for path in paths:
            with path.open("rb") as lines:
                while portion := b"".join(itertools.islice(lines, 1000)):
                    copy.write(portion.replace(b"\\", b"\\\\"))
    connection.execute("drop table bench_documents")


def _build(
    connection: psycopg.Connection[Any], clock: _Clock, address: str, work: Path, rows: list[Row]
) -> tuple[float, list[tuple[str, float]]]:
    connection.execute("analyze raw.records")
    floor, _ = clock.time(lambda: connection.execute(_FLOOR))
    connection.execute("drop table bench_floor")
    clock.time(lambda: transform.run(["parse"], address=address, work_folder=work / "dbt", variables={}))
    with _told("full: build with its tests"):
        models = _built(address, work, "full")
    full = _making(models)
    told = f"extract and sort {floor:.1f} s"
    rows.append(
        Row("raw to candidate marts, full, models only", f"{full:.0f} s", told, f"{full / floor:.0f} ×", "at most 10 ×")
    )
    timeline = _together(models, "int_timeline__", "consent_timeline")
    rows.append(
        Row(
            "`consent_timeline` and what it is made of",
            f"{timeline:.0f} s",
            told,
            f"{timeline / floor:.1f} ×",
            "at most 2 ×",
        )
    )
    identity = _together(models, _IDENTITY)
    rows.append(Row("identity, full", f"{identity:.0f} s", told, f"{identity / floor:.1f} ×", "at most 30 s"))
    return full, [(model.name, model.seconds) for model in _slowest(models)]


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    began: float
    ended: float
    seconds: float


def _built(address: str, work: Path, run_id: str, as_of: datetime = AS_OF) -> list[_Model]:
    """Builds, and answers the models that were made, in the order of their beginnings."""
    models: list[_Model] = []

    def keep_times(results: Iterable[Any]) -> None:
        for result in results:
            if str(result.node.resource_type) == "model":
                moments = [
                    moment.timestamp() for step in result.timing for moment in (step.started_at, step.completed_at)
                ]
                models.append(_Model(result.node.name, min(moments), max(moments), result.execution_time))

    with mock.patch.object(transform, "_log_times", keep_times):
        transform.build(run_id, as_of, address=address, work_folder=work / "dbt")
    return sorted(models, key=lambda model: model.began)


def _making(models: Iterable[_Model]) -> float:
    """How many seconds long models were being made, at times two at once; what lies between, as tests, does not count."""
    seconds, until = 0.0, 0.0
    for model in models:
        seconds += max(0.0, model.ended - max(model.began, until))
        until = max(until, model.ended)
    return seconds


def _slowest(models: Iterable[_Model]) -> list[_Model]:
    return sorted(models, key=lambda model: -model.seconds)[:10]


def _together(models: Iterable[_Model], *beginnings: str) -> float:
    """What models took one by one, by how their names begin."""
    return sum(model.seconds for model in models if model.name.startswith(beginnings))


def _seal(connection: psycopg.Connection[Any], clock: _Clock, work: Path, contacts: int, rows: list[Row]) -> None:
    key = keys.signing_key()
    with opened((work / "deliveries").as_uri()) as outside:
        found: list[Any] = []
        seconds, _ = clock.time(lambda: found.extend(seal(connection, key, outside)))
    size = next(one.size for one in found if one.log == logs.RECORDS.name)
    each = seconds / size * 1e6
    rows.append(
        Row(
            "sealing, first time",
            f"{seconds:.1f} s for {size:,} leaves",
            "",
            f"{each:.1f} µs each",
            "15 M in about 30 s (2 µs)",
        )
    )
    rows.append(Row("an inclusion proof", f"{proof_seconds(connection, size) * 1e3:.1f} ms", "", "", "under 5 ms"))


def _daily(
    connection: psycopg.Connection[Any],
    clock: _Clock,
    address: str,
    work: Path,
    full: float,
    later: dict[str, Path],
    rows: list[Row],
) -> None:
    """A day when everything is new to gate and publication, an ordinary one after it, and one with nothing new."""
    key = keys.signing_key()

    def checked(run_id: str, as_of: datetime) -> None:
        with _told(f"{run_id}: seal"), opened((work / "deliveries").as_uri()) as outside:
            seal(connection, key, outside)
        with _told(f"{run_id}: gate"):
            report = run_gate(address, run_id=run_id, as_of=as_of, docs_folder=work / "gate")
        assert report.passed, [result.rule for result in report.results if not result.passed]
        with _told(f"{run_id}: publication"):
            publish(connection, run_id)

    models: list[_Model] = []

    def whole(run_id: str, as_of: datetime) -> None:
        with _told(f"{run_id}: build"):
            models[:] = _built(address, work, run_id, as_of)
        checked(run_id, as_of)

    told = f"full build {full:.0f} s"
    seconds, _ = clock.time(lambda: checked("full", AS_OF))
    rows.append(Row("gate and publication, first time", f"{seconds:.0f} s", told, f"{seconds / full:.0%}", ""))
    # what dbt parses for a daily build it has parsed on any ordinary day
    whole("parsed", AS_OF)
    for source, path in later.items():
        _landed(connection, source, path, is_history=False)
    next_day = AS_OF + timedelta(days=1)
    seconds, _ = clock.time(lambda: whole("daily", next_day))
    daily = _making(models)
    log.info("slowest of the day: %s", {model.name: round(model.seconds, 1) for model in _slowest(models)})
    rows.append(
        Row(
            "daily run a day later, 1 % of contacts changed, models only",
            f"{daily:.0f} s",
            told,
            f"{daily / full:.1%}",
            "at most 3 %",
        )
    )
    rows.append(
        Row(
            "the same with start-up, tests, seal, gate and publication",
            f"{seconds:.0f} s",
            told,
            f"{seconds / full:.1%}",
            "at most 8 %",
        )
    )
    identity = _together(models, _IDENTITY)
    rows.append(Row("identity, 1 % changed", f"{identity:.1f} s", "", "", "at most 3 s"))
    seconds, _ = clock.time(lambda: whole("unchanged", next_day))
    rows.append(Row("nothing changed, whole", f"{seconds:.0f} s", "", "", "under 30 s"))


def _read(
    connection: psycopg.Connection[Any], clock: _Clock, address: str, work: Path, contacts: int, rows: list[Row]
) -> None:
    known = [
        row[0]
        for row in connection.execute(
            "select address from marts.contact_points where channel = 'email' order by md5(address) limit 1000"
        )
    ]
    times: list[float] = []

    def client(turn: int) -> None:
        with database.connect(address) as session:
            for step in range(_LOOKUPS):
                began = time.perf_counter()
                session.execute(_LOOKUP, (known[(turn * _LOOKUPS + step) % len(known)],)).fetchall()
                times.append(time.perf_counter() - began)

    clients = [threading.Thread(target=client, args=(turn,)) for turn in range(_CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    p99 = sorted(times)[int(len(times) * 0.99)]
    rows.append(Row("decisions of an address, 4 clients, p99", f"{p99 * 1e3:.1f} ms", "", "", "under 10 ms"))
    seconds, _ = clock.time(lambda: deliver(connection, destination_url=(work / "deliveries").as_uri()))
    rows.append(Row("renewal lists of a day", f"{seconds:.1f} s", "", "", "under 2 s"))
    environment = {**os.environ, "OPTKEEPER_WAREHOUSE_URL": address}
    command = [str(Path(sys.executable).with_name("optkeeper")), "status", known[0]]
    seconds, _ = clock.time(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))
    rows.append(Row("`optkeeper status`, the whole process", f"{seconds:.1f} s", "", "", "under 2 s"))
