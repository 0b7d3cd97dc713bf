"""`make demo`: everything on this machine, from nothing to the published lists; `make down`: all of it stopped."""

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from optkeeper import settings
from optkeeper.runtime import airflow
from optkeeper.runtime.airflow import AirflowError, Api
from optkeeper.runtime.files import write_whole
from optkeeper.runtime.ports import free_port, is_free
from optkeeper.runtime.processes import Supervised
from optkeeper.warehouse import database, embedded

PULLS = ("pull_crm", "pull_email_platform", "pull_vendor_files", "pull_canonical_feed")
DECIDE = "decide_and_deliver"
WANTED_PORT = 8080
_RUN_SECONDS = 900
_ASSET_SECONDS = 60


def up() -> None:
    """Starts what does not run yet, runs every DAG, and says what was made; safe to call at any time."""
    began, since = time.monotonic(), datetime.now(UTC)
    with _alone():
        if airflow.stop():
            _say("stopped the Airflow of an earlier start; it starts anew")
        _say("starting PostgreSQL")
        embedded.url(database.DATABASE)
        _say("starting the sample sources: a CRM, an e-mail platform, a vendors' SFTP server, a mail server")
        world = _start_world()
        ports = _ports()
        values = {
            **airflow.environment(ports["api"], ports["log"], ports["trigger_log"]),
            **_connections(world),
            **_own_variables(ports["api"]),
        }
        write_whole(environment_file(), "".join(f"{name}={value}\n" for name, value in sorted(values.items())))
        airflow.password()
        _say("preparing Airflow's metadata")
        airflow.migrate(values)
        _say(f"starting Airflow on port {ports['api']}")
        api = _start_airflow(values, ports["api"])
        _wait_for_dags(api, since)
        _run_all(api)
    _report(ports["api"], time.monotonic() - began)


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
        write_whole(path, settings.as_of().astimezone(settings.BUSINESS_TIME_ZONE).date().isoformat())
    return date.fromisoformat(path.read_text())


def _ports() -> dict[str, int]:
    """The ports of the last start where nobody holds them, else others."""
    path = settings.home() / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    wanted = known.get("api", WANTED_PORT)
    api = free_port(wanted)
    if api != wanted:
        _say(f"port {wanted} is held by another program; Airflow's UI takes port {api}")
    ports = {"api": api}
    for name in ("log", "trigger_log"):
        ports[name] = known[name] if name in known and is_free(known[name]) else free_port()
    write_whole(path, json.dumps(ports))
    return ports


def _connections(world: dict[str, Any]) -> dict[str, str]:
    from optkeeper.samples.world import connections

    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(details) for name, details in connections(world).items()}


def _own_variables(api_port: int) -> dict[str, str]:
    """This project's variables as they are set now, with the home and the address of its pages where they are not."""
    given = {name: value for name, value in os.environ.items() if name.startswith("OPTKEEPER_")}
    return {"OPTKEEPER_PUBLIC_URL": f"http://localhost:{api_port}", **given, "OPTKEEPER_HOME": str(settings.home())}


def environment_file() -> Path:
    """Where Airflow's environment stands, for the command line: it then uses the same connections."""
    return settings.home() / "airflow.env"


def _start_airflow(values: Mapping[str, str], port: int) -> Api:
    """The API first: runs that were cut off are closed before a scheduler takes them up, or alerts that they died."""
    api = Api(port)
    airflow.start(values, [airflow.API_SERVER])
    api.wait_until_healthy([airflow.API_SERVER])
    api.log_in()
    cut_off = sum(api.close_open_runs(dag_id) for dag_id in (*PULLS, DECIDE))
    if cut_off:
        _say(f"closed runs that were cut off: {cut_off}")
    airflow.start(values, airflow.WORKERS)
    api.wait_until_healthy()
    return api


def _wait_for_dags(api: Api, since: datetime, seconds: int = 180) -> None:
    until = time.monotonic() + seconds
    wanted, log = {*PULLS, DECIDE}, airflow.run_folder() / "dag-processor.log"
    while not wanted <= set(known := api.dags_read_since(since)):
        broken = api.import_errors_since(since)
        if broken:
            raise AirflowError(f"DAG files cannot be read: {', '.join(broken)}; see {log}")
        if time.monotonic() > until:
            missing = ", ".join(sorted(wanted - set(known)))
            raise AirflowError(f"DAGs did not appear in {seconds} s: {missing}; see {log}")
        airflow.must_run()
        time.sleep(1)
    for dag_id in wanted:
        if known[dag_id]:
            api.unpause(dag_id)


def _run_all(api: Api) -> None:
    """Pulls everything, then waits for the run of decisions that the landed data start by themselves."""
    api.forget_queued_events(DECIDE)
    pulls = {dag_id: api.trigger(dag_id) for dag_id in PULLS}
    _say("pulling all sources")
    for dag_id, run_id in pulls.items():
        _wait_for_run(api, dag_id, run_id)
        _say(f"  {dag_id}: green")
    _say("deciding, gating, publishing and delivering")
    run_id = _decision_after(api, pulls)
    _wait_for_run(api, DECIDE, run_id)
    _say(f"  {DECIDE}: green")


def _decision_after(api: Api, pulls: Mapping[str, str]) -> str:
    until = time.monotonic() + _ASSET_SECONDS
    while time.monotonic() < until:
        run_id = api.run_started_by(DECIDE, pulls.values())
        if run_id:
            return run_id
        time.sleep(1)
    _say(f"  {DECIDE} has taken a part of the data by the clock; it is started for all of them")
    return api.trigger(DECIDE)


def _wait_for_run(api: Api, dag_id: str, run_id: str) -> None:
    until = time.monotonic() + _RUN_SECONDS
    logs = airflow.folder() / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
    while (state := api.state(dag_id, run_id)) not in ("success", "failed"):
        airflow.must_run()
        if time.monotonic() > until:
            raise AirflowError(f"{dag_id} did not end in {_RUN_SECONDS} s; see {logs}")
        time.sleep(1)
    failed = api.failed_tasks(dag_id, run_id)
    if state == "failed" or failed:
        raise AirflowError(f"{dag_id} failed at {', '.join(failed) or 'no task'}; see {logs}")


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
            (
                "of which wait, asked only lately",
                count("select count(*) from marts.renewal_due where stage = 'asked_waiting'"),
            ),
            (
                "invited to renew, per person and address",
                count(
                    "select count(distinct (brand, channel, contact_id, address)) from marts.renewal_due"
                    " where stage <> 'asked_waiting'"
                ),
            ),
            ("in quarantine", count("select count(*) from marts.quarantine")),
        ]
        day = connection.execute("select max(decided_on) from marts.marketable_contacts").fetchone()
    lists = settings.deliveries_url().removeprefix("file://") + "/renewal_due"
    home = settings.home()
    given = f"OPTKEEPER_HOME={home} " if os.environ.get("OPTKEEPER_HOME") else ""
    uv = "uv" if shutil.which("uv") else os.environ.get("UV", "uv")
    lines = [
        "",
        f"Optkeeper runs ({seconds:.0f} s). All DAGs are green.",
        "",
        "Landed:   " + ", ".join(f"{source} {rows:,}" for source, rows in landed),
        *(f"{'Decided:' if index == 0 else '':9} {rows:>9}  {name}" for index, (name, rows) in enumerate(facts)),
        "",
        f"Lists:    {lists}/{day[0] if day and day[0] else ''} (CSV, spreadsheet and manifest per brand and channel)",
        f"Mails:    {home / 'mailbox'} (a mail client opens the .eml files)",
        f"Today:    http://localhost:{port}/optkeeper/today (freshness, gate, counts, lists, mails)",
        f"Gate:     http://localhost:{port}/optkeeper/gate/index.html (what was checked)",
        f"UI:       http://localhost:{port}   login {airflow.LOGIN}   password {airflow.password()}",
        "",
        f"Look:     {given}make psql SQL='select * from marts.renewal_due limit 20'",
        f"          {given}{uv} run optkeeper --help",
        f"Logs:     {airflow.run_folder()}",
        f"Stop:     {given}make down",
    ]
    print("\n".join(lines), flush=True)
