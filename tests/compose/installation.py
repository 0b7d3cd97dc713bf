"""An installation by the compose file, in a folder of its own, as its operator handles it."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import yaml

CHECKOUT = Path(__file__).parents[2]
PASSED_ON = ("BASE_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE")
SUBNET, GATEWAY = "172.31.250.0/24", "172.31.250.1"  # the installation's network, and this machine on it
_T = TypeVar("_T")


class Installation:
    """What the docs tell an operator to do, and what a person then sees."""

    def __init__(self, folder: Path, ui_port: int, database_port: int, as_of: str) -> None:
        self.folder, self._ui_port, self._database_port = folder, ui_port, database_port
        _copy_checkout(folder)
        settings = {
            "OPTKEEPER_UI_PORT": ui_port,
            "OPTKEEPER_DATABASE_PORT": database_port,
            "OPTKEEPER_AS_OF": as_of,
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        }
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        _override(folder)
        self.make("secrets")

    def secret(self, name: str) -> str:
        """The content of a secret's file."""
        return (self.folder / "secrets" / name).read_text()

    def connect_to(self, connections: dict[str, Any]) -> None:
        """Writes the connections' file in place, as it is mounted."""
        path = self.folder / "secrets" / "connections.yaml"
        path.chmod(0o644)
        path.write_text(yaml.safe_dump(connections))

    def make(self, target: str, **variables: str) -> str:
        """Runs a target of the Makefile; answers what it printed."""
        return self._run(
            "make", "--no-print-directory", target, *(f"{name}={value}" for name, value in variables.items())
        )

    def compose(self, *arguments: str, text: str | None = None) -> str:
        """Runs a command of compose; answers what it printed."""
        return self._run("docker", "compose", *arguments, text=text)

    def _run(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, input=text, errors="replace")
        assert done.returncode == 0, (
            f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    def up(self, *, workers: int = 2, schedulers: int = 1) -> None:
        """Starts all and waits until it is healthy."""
        self.compose(
            "up", "--detach", "--wait", "--scale", f"worker={workers}", "--scale", f"scheduler={schedulers}",
        )  # fmt: skip

    def containers(self, service: str) -> list[str]:
        """The ids of a service's running containers."""
        return self.compose("ps", "--quiet", service).split()

    def logged_in(self, name: str = "admin", password: str | None = None) -> httpx.Client:
        """A client of the UI and API, as a person."""
        client = self.browser()
        answer = client.post(
            "/auth/token", json={"username": name, "password": password or self.secret("airflow_admin_password")}
        )
        answer.raise_for_status()
        token = answer.json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.cookies.set("_token", token)
        return client

    def browser(self) -> httpx.Client:
        """A client that nobody has logged in."""
        return httpx.Client(
            base_url=f"http://localhost:{self._ui_port}", timeout=60, trust_env=False, follow_redirects=True
        )

    def warehouse(self, login: str) -> "psycopg.Connection[Any]":
        """The warehouse as one of its logins, by the port that this machine is given."""
        return psycopg.connect(
            host="127.0.0.1", port=self._database_port, dbname="warehouse", user=login,
            password=self.secret(f"{login}_password"), autocommit=True,
        )  # fmt: skip


class Chain:
    """The DAGs of an installation, from the pulls to the lists."""

    PULLS = ("pull_crm", "pull_email_platform", "pull_vendor_files", "pull_canonical_feed")
    DECIDE = "decide_and_deliver"
    PROVE = "answer_proof_request"

    def __init__(self, installation: Installation, name: str = "admin", password: str | None = None) -> None:
        self._installation, self._person = installation, (name, password)
        self._client = installation.logged_in(*self._person)

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Asks Airflow's API, again and again while it is away."""

        def answered() -> dict[str, Any] | None:
            try:
                answer = self._client.request(method, f"/api/v2{path}", **arguments)
            except httpx.TransportError:
                return None
            if answer.status_code == 401:
                self._client = self._installation.logged_in(*self._person)
                return None
            if answer.status_code >= 500:
                return None
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
            return told

        return until(answered, 300, f"{method} {path}")

    def unpause(self) -> None:
        """Lets all DAGs run, once they are known."""
        wanted = {*self.PULLS, self.DECIDE}
        until(lambda: wanted <= {one["dag_id"] for one in self.ask("GET", "/dags")["dags"]}, 300, "DAGs")
        self._installation.compose(
            "exec", "-T", "scheduler", "airflow", "dags", "unpause", "--yes", "--treat-dag-id-as-regex", ".*"
        )

    def pull(self) -> None:
        """Starts the pulls; the run of decisions follows by itself."""
        for dag_id in self.PULLS:
            self.ask("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None})

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The runs of a DAG, oldest first."""
        told: list[dict[str, Any]] = self.ask("GET", f"/dags/{dag_id}/dagRuns", params={"order_by": "run_after"})[
            "dag_runs"
        ]
        return told

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The tasks of a run by name."""
        told = self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
        return {one["task_id"]: one for one in told["task_instances"]}

    def running(self, dag_id: str, task_id: str, *, attempt: int = 1, seconds: int = 900) -> dict[str, Any]:
        """A task of the last run of a DAG, as soon as that attempt at it runs on a worker."""

        def found() -> dict[str, Any] | None:
            for run in self.runs(dag_id)[-1:]:
                task = self.tasks(dag_id, run["dag_run_id"]).get(task_id)
                if task and task["state"] == "running" and task["hostname"] and task["try_number"] >= attempt:
                    return task
            return None

        return until(found, seconds, f"attempt {attempt} at {task_id}")

    def decided(self, *, after: datetime | None = None, seconds: int = 1500) -> dict[str, Any]:
        """The last run of decisions upon what has landed, once all are over; it must be green.

        A run by the clock may be there before: within hours of its time it starts when the DAGs do.
        """
        return self.over(self.DECIDE, after=after, seconds=seconds, kind="asset_triggered")

    def over(
        self, dag_id: str, *, after: datetime | None = None, seconds: int, kind: str | None = None
    ) -> dict[str, Any]:
        """The last run of a DAG, once all are over; it must be green.

        Args:
            dag_id: the DAG.
            after: runs from before this moment do not count.
            seconds: how long to wait.
            kind: of which type the runs are that count; of any when absent.
        """

        def ended() -> dict[str, Any] | None:
            runs = [
                run
                for run in self.runs(dag_id)
                if (kind is None or run["run_type"] == kind)
                and (after is None or datetime.fromisoformat(run["run_after"]) > after)
            ]
            return runs[-1] if runs and all(run["state"] in ("success", "failed") for run in runs) else None

        last = until(ended, seconds, f"the end of {dag_id}")
        tasks = self.tasks(dag_id, last["dag_run_id"])
        assert last["state"] == "success", {name: one["state"] for name, one in tasks.items()}
        return last

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """The log of an attempt at a task, as the UI gets it."""
        told = self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}")
        return json.dumps(told)


def until(look: Callable[[], _T | None], seconds: int, what: str) -> _T:
    """Looks once a second until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(1)  # another process is waited for, which tells nobody
    raise AssertionError(f"waited {seconds} s for {what}")


def relay(host: str, ports: Iterable[int]) -> None:
    """Lets the containers reach servers that listen on this machine's loopback only."""
    for port in ports:
        listener = socket.create_server((host, port))
        threading.Thread(target=_accept, args=(listener, port), daemon=True).start()


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", port))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while got := one.recv(65536):
            other.sendall(got)
    except OSError:
        pass  # either side has gone, and the other is told by the end of the stream
    finally:
        try:
            other.shutdown(socket.SHUT_WR)
        except OSError:
            other.close()


# what tells of the run, and which of a contact's ids survives: that of the record received first (R36), in any order of pulls
OF_THE_RUN = frozenset(
    {
        "as_of", "contact_id", "evidence_record_id", "known_at", "last_pull_at", "last_received_at", "newest_record_at",
        "published_at", "received_at", "record_id", "run_id",
    }
)  # fmt: skip
STARTED = datetime.now(UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}\+00:00")  # the server drops zeros at the end
RUNS_ONLY = ("builds", "contact_redirects", "publications")
Rows = dict[str, Counter[str]]


def published(connection: "psycopg.Connection[Any]") -> Rows:
    """The rows of each mart, without what tells of the run rather than of the data; and who is one contact."""
    columns = connection.execute(
        "select table_name, array_agg(column_name::text order by column_name) from information_schema.columns"
        " where table_schema = 'marts' and table_name <> all(%s) group by table_name order by table_name",
        (list(RUNS_ONLY),),
    ).fetchall()
    queries = {
        mart: "select to_jsonb(rows)::text from (select {} from marts.{}) as rows".format(
            ", ".join(f'"{name}"' for name in names if name not in OF_THE_RUN), mart
        )
        for mart, names in columns
    }
    queries["points of each contact"] = (
        "select string_agg(channel || ' ' || address, ', ' order by channel, address) from marts.contact_points"
        " group by contact_id"
    )
    return {
        mart: Counter(without_receipts(row[0]) for row in connection.execute(query).fetchall())
        for mart, query in queries.items()
    }


def without_receipts(line: str) -> str:
    """What has no date of its own counts from its receipt, and that is another moment in each run."""
    return _INSTANT.sub(lambda found: "received" if datetime.fromisoformat(found[0]) > STARTED else found[0], line)


def differences(before: Rows, after: Rows) -> dict[str, list[str]]:
    """Per mart, the first rows that only one of the two has."""
    found = {}
    for mart in sorted({*before, *after}):
        one, other = before.get(mart, Counter()), after.get(mart, Counter())
        gone = [f"- {line}" for line in sorted((one - other).elements())]
        come = [f"+ {line}" for line in sorted((other - one).elements())]
        if gone or come:
            found[f"{mart} ({len(gone)} gone, {len(come)} new)"] = [*gone[:2], *come[:2]]
    return found


def _override(folder: Path) -> None:
    """A network whose address stays, and a build by this machine's own network and certificates where it needs them."""
    certificates, network = os.environ.get("BUILD_CERTIFICATES"), os.environ.get("BUILD_NETWORK")
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    build = {
        **({"network": network} if network else {}),
        **({"secrets": ["certificates"]} if certificates else {}),
    }
    override: dict[str, Any] = {
        "networks": {"default": {"ipam": {"config": [{"subnet": SUBNET, "gateway": GATEWAY}]}}},
        "services": {name: {"build": build} for name, one in services.items() if "build" in one and build},
    }
    if certificates:
        override["secrets"] = {"certificates": {"file": certificates}}
    (folder / "docker-compose.override.yml").write_text(yaml.safe_dump(override))


def _copy_checkout(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
