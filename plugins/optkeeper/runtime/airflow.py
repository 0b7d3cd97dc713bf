"""Airflow on this machine: its environment, its processes, and its REST API."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from optkeeper import settings
from optkeeper.runtime.processes import Supervised
from optkeeper.warehouse import database, embedded

COMPONENTS = ("api-server", "scheduler", "dag-processor")
LOGIN = "admin"


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
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({LOGIN: secrets.token_urlsafe(12)}))
    known: dict[str, str] = json.loads(path.read_text())
    return known[LOGIN]


def _passwords() -> Path:
    return folder() / "passwords.json"


def _secret(name: str) -> str:
    path = folder() / f"{name}.secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def environment(api_port: int, log_port: int) -> dict[str, str]:
    """Airflow's settings as environment variables, for LocalExecutor on the embedded PostgreSQL."""
    address = embedded.url("airflow")
    parts = database.parts(address)
    login = f"{parts['user']}:{parts['password'] or 'x'}"
    return {
        "AIRFLOW_HOME": str(folder()),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.CHECKOUT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{api_port}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.sqlalchemy_url(address, "postgresql+psycopg2"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": (
            f"postgresql+asyncpg://{login}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"
        ),
        "AIRFLOW__API__PORT": str(api_port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{api_port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": _secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret("jwt"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "DO_NOT_TRACK": "1",
        "SCARF_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def migrate(values: Mapping[str, str]) -> None:
    """Brings Airflow's metadata to this version; one that a killed run left unusable is made anew.

    Raises:
        AirflowError: it cannot be done.
    """
    log = run_folder() / "migrate.log"
    run_folder().mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        done = subprocess.run([_executable(), "db", "migrate"], env=_whole(values), stdout=output, stderr=output)  # noqa: S603  # our own command
    if done.returncode:
        raise AirflowError(f"Airflow's metadata could not be migrated; see {log}")


def start(values: Mapping[str, str]) -> None:
    """Starts Airflow's components, each in its own session."""
    for component in COMPONENTS:
        Supervised(component, run_folder()).start([_executable(), component], _whole(values))


def stop() -> list[str]:
    """Stops Airflow's components; answers the names of those that were started."""
    return [component for component in reversed(COMPONENTS) if Supervised(component, run_folder()).stop()]


def _executable() -> str:
    return str(Path(sys.executable).parent / "airflow")


def _whole(values: Mapping[str, str]) -> dict[str, str]:
    whole = {**os.environ, **values}
    whole["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{whole.get('PATH', '')}"
    return whole


class Api:
    """Airflow's REST API at a port of this machine."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://localhost:{port}", timeout=60)

    def wait_until_healthy(self, seconds: int = 240) -> None:
        """Waits until the components answer for themselves.

        Raises:
            AirflowError: they do not in time, or one has ended.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for component in COMPONENTS:
                if not Supervised(component, run_folder()).is_running():
                    raise AirflowError(f"Airflow's {component} ended; see {run_folder() / (component + '.log')}")
            try:
                health = self._client.get("/api/v2/monitor/health").json()
                if all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")):
                    return
            except (httpx.TransportError, ValueError, KeyError):
                pass  # not up yet
            time.sleep(1)
        raise AirflowError(f"Airflow was not healthy after {seconds} s; see the logs in {run_folder()}")

    def log_in(self) -> None:
        """Takes a token for the requests that follow."""
        answer = self._client.post("/auth/token", json={"username": LOGIN, "password": password()})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def dags(self) -> dict[str, bool]:
        """The known DAGs, with whether each is paused."""
        return {dag["dag_id"]: dag["is_paused"] for dag in self._get("/api/v2/dags", limit=100)["dags"]}

    def import_errors(self) -> list[str]:
        """The files that could not be read as DAGs."""
        return [error["filename"] for error in self._get("/api/v2/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG run."""
        self._client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()

    def trigger(self, dag_id: str) -> str:
        """Starts a run and answers its id."""
        answer = self._client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})
        answer.raise_for_status()
        run_id: str = answer.json()["dag_run_id"]
        return run_id

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest runs of a DAG, newest first."""
        found: list[dict[str, Any]] = self._get(f"/api/v2/dags/{dag_id}/dagRuns", order_by="-run_after", limit=20)[
            "dag_runs"
        ]
        return found

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        state: str = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def failed_tasks(self, dag_id: str, run_id: str) -> list[str]:
        """The tasks of a run that failed."""
        tasks = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]
        return [task["task_id"] for task in tasks if task["state"] in ("failed", "upstream_failed")]

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
