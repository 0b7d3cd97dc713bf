"""Airflow on this machine: its environment, its processes, and its REST API."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from optkeeper import settings
from optkeeper.installation import airflow as installation
from optkeeper.runtime.files import write_whole
from optkeeper.runtime.processes import Supervised
from optkeeper.warehouse import database, embedded

API_SERVER, WORKERS = "api-server", ("scheduler", "dag-processor", "triggerer")
COMPONENTS = (API_SERVER, *WORKERS)
LOGIN = "admin"
METADATA = "airflow"
_HOST = "127.0.0.1"
_OPEN = ("queued", "running")


class AirflowError(Exception):
    """Airflow did not do what was asked; the text says which log to read."""


def folder() -> Path:
    """Airflow's home."""
    return settings.home() / "airflow"


def run_folder() -> Path:
    """Where records and logs of the processes stand."""
    return settings.home() / "run"


def password() -> str:
    """The password of the login, made once and readable by its owner only."""
    path = _passwords()
    if not path.exists():
        write_whole(path, json.dumps({LOGIN: secrets.token_urlsafe(12)}))
    known: dict[str, str] = json.loads(path.read_text())
    return known[LOGIN]


def _passwords() -> Path:
    return folder() / "passwords.json"


def _secret(name: str) -> str:
    path = folder() / f"{name}.secret"
    if not path.exists():
        write_whole(path, secrets.token_urlsafe(32))
    return path.read_text()


def environment(api_port: int, log_port: int, trigger_log_port: int) -> dict[str, str]:
    """Airflow's settings as environment variables, for LocalExecutor on the embedded PostgreSQL."""
    address = embedded.url(METADATA)
    parts = database.parts(address)
    login = f"{parts['user']}:{parts['password'] or 'x'}"
    return {
        "AIRFLOW_HOME": str(folder()),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.CHECKOUT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{_HOST}:{api_port}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.sqlalchemy_url(address, "postgresql+psycopg2"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": (
            f"postgresql+asyncpg://{login}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"
        ),
        "AIRFLOW__API__PORT": str(api_port),
        "AIRFLOW__API__HOST": _HOST,
        "AIRFLOW__API__BASE_URL": f"http://localhost:{api_port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": _secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret("jwt"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # of dbt's locks, at the end of a task's process
        "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
        **_proxies_for_others(),
        "DO_NOT_TRACK": "1",
        "SCARF_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def _proxies_for_others() -> dict[str, str]:
    """What is on this machine is reached without a proxy, also where the environment names one."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    hosts = ",".join(filter(None, (known, "localhost", _HOST)))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def migrate(values: Mapping[str, str]) -> None:
    """Brings Airflow's metadata to this version; metadata that a killed first start left unusable are made anew.

    Raises:
        AirflowError: it cannot be done.
    """
    log, finished = run_folder() / "migrate.log", folder() / "migrated"
    run_folder().mkdir(parents=True, exist_ok=True)
    done = _migrated(values, log)
    if not done and not finished.exists():
        embedded.drop(METADATA)
        embedded.url(METADATA)
        done = _migrated(values, log)
    if not done:
        raise AirflowError(f"Airflow's metadata could not be migrated; see {log}")
    finished.touch()
    with log.open("ab") as output:
        try:
            installation.make_pools(_whole(values), output)
        except installation.InstallationFailed as problem:
            raise AirflowError(f"{problem}; see {log}") from None


def _migrated(values: Mapping[str, str], log: Path) -> bool:
    with log.open("ab") as output:
        done = subprocess.run([_executable(), "db", "migrate"], env=_whole(values), stdout=output, stderr=output)  # noqa: S603  # our own command
    return done.returncode == 0


def start(values: Mapping[str, str], components: Iterable[str] = COMPONENTS) -> None:
    """Starts components of Airflow, each in its own session."""
    for component in components:
        Supervised(component, run_folder()).start([_executable(), component], _whole(values))


def stop() -> list[str]:
    """Stops Airflow's components; answers the names of those that were started."""
    return [component for component in reversed(COMPONENTS) if Supervised(component, run_folder()).stop()]


def must_run(components: Iterable[str] = COMPONENTS) -> None:
    """Tells which component has ended.

    Raises:
        AirflowError: one has.
    """
    for component in components:
        if not Supervised(component, run_folder()).is_running():
            raise AirflowError(f"Airflow's {component} ended; see {run_folder() / (component + '.log')}")


def _executable() -> str:
    return str(Path(sys.executable).parent / "airflow")


def _whole(values: Mapping[str, str]) -> dict[str, str]:
    whole = {**os.environ, **values}
    whole["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{whole.get('PATH', '')}"
    return whole


class Api:
    """Airflow's REST API at a port of this machine."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://{_HOST}:{port}", timeout=60, trust_env=False)

    def wait_until_healthy(self, components: Iterable[str] = COMPONENTS, seconds: int = 300) -> None:
        """Waits until components that were started answer for themselves.

        Raises:
            AirflowError: they do not in time, or one has ended.
        """
        parts = ["metadatabase", *(component.replace("-", "_") for component in components if component != API_SERVER)]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            must_run(components)
            try:
                health = self._client.get("/api/v2/monitor/health").json()
                if all(health[part]["status"] == "healthy" for part in parts):
                    return
            except (httpx.TransportError, ValueError, KeyError):
                pass  # not up yet
            time.sleep(1)
        raise AirflowError(f"Airflow was not healthy after {seconds} s; see the logs in {run_folder()}")

    def log_in(self) -> None:
        """Takes a token for the requests that follow."""
        token = self._ask("POST", "/auth/token", json={"username": LOGIN, "password": password()})["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def dags(self) -> dict[str, dict[str, Any]]:
        """The known DAGs by their ids."""
        return {dag["dag_id"]: dag for dag in self._get("/api/v2/dags", limit=100)["dags"]}

    def dags_read_since(self, moment: datetime) -> dict[str, bool]:
        """The DAGs whose files were read since a moment, with whether each is paused."""
        return {
            dag_id: dag["is_paused"]
            for dag_id, dag in self.dags().items()
            if dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) >= moment
        }

    def import_errors_since(self, moment: datetime) -> list[str]:
        """The files that could not be read as DAGs since a moment."""
        errors = self._get("/api/v2/importErrors")["import_errors"]
        return [error["filename"] for error in errors if datetime.fromisoformat(error["timestamp"]) >= moment]

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG run."""
        self._ask("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Starts a run and answers its id."""
        run_id: str = self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})["dag_run_id"]
        return run_id

    def close_open_runs(self, dag_id: str) -> int:
        """Fails the runs of a DAG that are not at their end, as after a kill, and answers how many there were."""
        if dag_id not in self.dags():
            return 0
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns", state=_OPEN, limit=100)["dag_runs"]
        for run in found:
            self._ask("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}", json={"state": "failed"})
        return len(found)

    def forget_queued_events(self, dag_id: str) -> None:
        """Takes away the asset events that wait for others before they start a run of a DAG."""
        if self._get(f"/api/v2/dags/{dag_id}/assets/queuedEvents")["total_entries"]:
            self._ask("DELETE", f"/api/v2/dags/{dag_id}/assets/queuedEvents")

    def run_started_by(self, dag_id: str, pulls: Iterable[str]) -> str | None:
        """The newest run of a DAG that the asset events of all these runs have started, if there is one."""
        wanted = set(pulls)
        for run in self._get(f"/api/v2/dags/{dag_id}/dagRuns", order_by="-run_after", limit=20)["dag_runs"]:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}/upstreamAssetEvents"
            if wanted <= {event["source_run_id"] for event in self._get(path)["asset_events"]}:
                run_id: str = run["dag_run_id"]
                return run_id
        return None

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        state: str = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def failed_tasks(self, dag_id: str, run_id: str) -> list[str]:
        """The tasks of a run that failed, a mapped one with its own name."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        tasks = self._get(path, state="failed", limit=100)["task_instances"]
        return [f"{task['task_id']} {task['rendered_map_index'] or ''}".strip() for task in tasks]

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return self._ask("GET", path, params=parameters)

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        log = run_folder() / "api-server.log"
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as problem:
            raise AirflowError(f"Airflow's API broke off ({type(problem).__name__}); see {log}") from None
        if answer.is_error:
            raise AirflowError(f"Airflow's API answered {answer.status_code} to {method} {path}; see {log}")
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
