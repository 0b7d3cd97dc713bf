"""`make demo`: everything on this machine, from nothing to the published lists; `make down`: all of it stopped."""

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from optkeeper import settings
from optkeeper.runtime import airflow
from optkeeper.runtime.airflow import AirflowError, Api
from optkeeper.runtime.ports import free_port, is_free
from optkeeper.runtime.processes import Supervised
from optkeeper.warehouse import database, embedded

PULLS = ("pull_crm", "pull_email_platform", "pull_vendor_files", "pull_canonical_feed")
DECIDE = "decide_and_deliver"
WANTED_PORT = 8080
_RUN_SECONDS = 900


def up() -> None:
    """Starts what does not run yet, runs every DAG, and says what was made; safe to call at any time."""
    started = time.monotonic()
    with _alone():
        _say("starting PostgreSQL")
        _start_postgres()
        _say("starting the sample sources: a CRM, an e-mail platform, a vendors' SFTP server, a mail server")
        world = _start_world()
        ports = _ports()
        values = airflow.environment(ports["api"], ports["log"])
        values.update(_connections(world))
        values.update({name: value for name, value in os.environ.items() if name.startswith("OPTKEEPER_")})
        values["OPTKEEPER_HOME"] = str(settings.home())
        _write_environment(values)
        airflow.password()
        _say("preparing Airflow's metadata")
        airflow.migrate(values)
        _say(f"starting Airflow on port {ports['api']}")
        airflow.start(values)
        api = Api(ports["api"])
        api.wait_until_healthy()
        api.log_in()
        _wait_for_dags(api)
        _run_all(api)
    _report(ports["api"], time.monotonic() - started)


def down() -> None:
    """Stops all that `up` started, and nothing else; data, lists and mails stay."""
    with _alone():
        stopped = airflow.stop()
        if _world_process().stop():
            stopped.append("sample sources")
        if embedded.stop():
            stopped.append("PostgreSQL")
    _say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    _say(f"data, lists and mails stay in {settings.home()}")


def _say(text: str) -> None:
    print(f"optkeeper: {text}", flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    """One `up` or `down` at a time; the lock is the system's, so that a killed one leaves none behind."""
    with (settings.home() / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AirflowError(f"another `make demo` or `make down` is at work in {settings.home()}") from None
        os.set_inheritable(lock.fileno(), False)
        yield


def _start_postgres() -> None:
    folder = embedded.folder()
    finished = folder.parent / "postgres.made"
    if folder.exists() and not finished.exists():
        _say("a first start was cut off: its unfinished database is made anew")
        embedded.stop(folder)
        shutil.rmtree(folder)
    embedded.url(database.DATABASE)
    embedded.url("airflow")
    finished.touch()


def _world_process() -> Supervised:
    return Supervised("sample-sources", airflow.run_folder())


def _start_world() -> dict[str, Any]:
    folder = settings.home() / "samples"
    folder.mkdir(exist_ok=True)
    process, place = _world_process(), folder / "world.json"
    if not (process.is_running() and place.exists()):
        place.unlink(missing_ok=True)
        process.start(
            [sys.executable, "-m", "optkeeper.samples.world", str(folder), _first_day(folder).isoformat()], os.environ
        )
        until = time.monotonic() + 120
        while not place.exists():
            if not process.is_running() or time.monotonic() > until:
                raise AirflowError(f"the sample sources did not start; see {process.log}")
            time.sleep(0.2)
    world: dict[str, Any] = json.loads(place.read_text())
    return world


def _first_day(folder: Path) -> date:
    """The day that the samples were made for: it stays, so that the same records are the same on another day."""
    path = folder / "first-day"
    if not path.exists():
        path.write_text(settings.as_of().astimezone(settings.BUSINESS_TIME_ZONE).date().isoformat())
    return date.fromisoformat(path.read_text())


def _ports() -> dict[str, int]:
    """The ports of the last start where they are free or ours, else others."""
    airflow.stop()
    path = settings.home() / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    wanted = known.get("api", WANTED_PORT)
    api = free_port(wanted)
    if api != wanted:
        _say(f"port {wanted} is held by another program; Airflow's UI takes port {api}")
    log = known["log"] if is_free(known.get("log", 0)) and "log" in known else free_port()
    ports = {"api": api, "log": log}
    written = path.with_suffix(".new")
    written.write_text(json.dumps(ports))
    written.replace(path)
    return ports


def _connections(world: dict[str, Any]) -> dict[str, str]:
    from optkeeper.samples.world import connections

    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(details) for name, details in connections(world).items()}


def _write_environment(values: dict[str, str]) -> None:
    path = settings.home() / "airflow.env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in sorted(values.items())))


def _wait_for_dags(api: Api, seconds: int = 120) -> None:
    until = time.monotonic() + seconds
    wanted = {*PULLS, DECIDE}
    while not wanted <= set(api.dags()):
        broken = api.import_errors()
        if broken:
            raise AirflowError(
                f"DAG files cannot be read: {', '.join(broken)}; see {airflow.run_folder() / 'dag-processor.log'}"
            )
        if time.monotonic() > until:
            raise AirflowError(
                f"the DAGs did not appear in {seconds} s; see {airflow.run_folder() / 'dag-processor.log'}"
            )
        time.sleep(1)
    for dag_id, paused in api.dags().items():
        if dag_id in wanted and paused:
            api.unpause(dag_id)


def _run_all(api: Api) -> None:
    """Pulls everything, then waits for the run of decisions that the landed data starts by itself."""
    since = datetime.now(UTC)
    pulls = {dag_id: api.trigger(dag_id) for dag_id in PULLS}
    _say("pulling all sources")
    for dag_id, run_id in pulls.items():
        _wait_for_run(api, dag_id, run_id)
        _say(f"  {dag_id}: green")
    _say("deciding, gating, publishing and delivering")
    until = time.monotonic() + 60
    while True:
        runs = [run for run in api.runs(DECIDE) if datetime.fromisoformat(run["run_after"]) >= since]
        if runs:
            run_id = runs[0]["dag_run_id"]
            break
        if time.monotonic() > until:  # the landing's events were taken by a run that a kill cut off
            run_id = api.trigger(DECIDE)
            break
        time.sleep(1)
    _wait_for_run(api, DECIDE, run_id)
    _say(f"  {DECIDE}: green")


def _wait_for_run(api: Api, dag_id: str, run_id: str) -> None:
    until = time.monotonic() + _RUN_SECONDS
    while (state := api.state(dag_id, run_id)) not in ("success", "failed"):
        if time.monotonic() > until:
            raise AirflowError(f"{dag_id} did not end in {_RUN_SECONDS} s; see {airflow.folder() / 'logs'}")
        time.sleep(1)
    if state == "failed":
        tasks = ", ".join(api.failed_tasks(dag_id, run_id))
        raise AirflowError(f"{dag_id} failed at {tasks}; see {airflow.folder() / 'logs' / f'dag_id={dag_id}'}")


def _report(port: int, seconds: float) -> None:
    with database.connect() as connection:

        def count(query: str) -> str:
            row = connection.execute(query).fetchone()
            return f"{row[0]:,}" if row and row[0] is not None else "0"

        landed = connection.execute(
            "select source, count(*) from raw.records group by source order by source"
        ).fetchall()
        facts = [
            ("contacts", count("select count(*) from marts.contacts")),
            ("may be used, per scope", count("select count(*) from marts.marketable_contacts")),
            ("suppressed, per scope", count("select count(*) from marts.suppressions")),
            ("due for renewal today", count("select count(*) from marts.renewal_due")),
            ("in quarantine", count("select count(*) from marts.quarantine")),
        ]
    part = database.parts()
    lines = [
        "",
        f"Optkeeper runs ({seconds:.0f} s).",
        "",
        "Landed:   " + ", ".join(f"{source} {rows:,}" for source, rows in landed),
        *(f"{'Decided:' if index == 0 else '':9} {rows:>9}  {name}" for index, (name, rows) in enumerate(facts)),
        "",
        f"Lists:    {settings.deliveries_url()}",
        f"Mails:    {settings.home() / 'mailbox'} (open the .eml files)",
        f"UI:       http://localhost:{port}   login {airflow.LOGIN}   password {airflow.password()}",
        f"Gate:     {settings.home() / 'gate'} (Data Docs)",
        "",
        f"Look:     psql -h {part['host']} -U {part['user']} {part['dbname']} -c 'select * from marts.renewal_due'",
        "          uv run optkeeper --help",
        "Stop:     make down",
    ]
    print("\n".join(lines), flush=True)
