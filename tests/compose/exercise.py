"""The compose file for real: built, started, run through Celery, disturbed. `make compose-test` runs this.

It is no part of `make test`: it needs an engine, four gigabytes and a good quarter of an hour. The tests follow each other
on one installation, in this order.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from optkeeper.runtime.ports import free_port
from optkeeper.samples.world import connections

from tests.compose.installation import (
    CHECKOUT,
    GATEWAY,
    Chain,
    Installation,
    Rows,
    differences,
    published,
    relay,
    until,
)

TODAY = date(2026, 11, 20)
PEOPLE = {"officer": "privacy_officer", "ans": "analyst", "mark": "marketing"}
PASSWORD = "a-password-of-the-exercise"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The sample sources, on this machine's loopback."""
    folder = tmp_path_factory.mktemp("world")
    process = subprocess.Popen([sys.executable, "-m", "optkeeper.samples.world", folder, TODAY.isoformat()])
    place = folder / "world.json"
    until(lambda: place.exists() or process.poll() is not None, 120, "the sample sources")
    yield json.loads(place.read_text())
    process.send_signal(signal.SIGTERM)
    process.wait()


@pytest.fixture(scope="module")
def installation(world: dict[str, Any]) -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="optkeeper-installation-"))
    made = Installation(folder, free_port(), free_port(), TODAY.isoformat())
    made.compose("down", "--volumes", "--remove-orphans")
    made.compose("build", "worker")
    _connect(made, world)
    yield made
    if "KEEP" in os.environ:
        print(f"kept: {folder}")
    else:
        made.compose("down", "--volumes")
        shutil.rmtree(folder)


def _connect(installation: Installation, world: dict[str, Any]) -> None:
    """The sources as the containers reach them: through this machine's address on their network."""
    ports = [
        world["sftp_port"],
        world["smtp_port"],
        *(int(world[name].rpartition(":")[2]) for name in ("hubspot_url", "mailchimp_url")),
    ]
    installation.compose("create", "postgres")  # and with it the network
    relay(GATEWAY, ports)
    told = connections(world)
    web = {**told["optkeeper_leadco"], "extra": {**told["optkeeper_leadco"]["extra"]}}
    web["extra"]["url"] = web["extra"]["url"].replace("/leadco", "/web")
    told["optkeeper_web"] = web
    installation.connect_to(json.loads(json.dumps(told).replace("127.0.0.1", GATEWAY)))


@pytest.fixture(scope="module")
def undisturbed(installation: Installation) -> Rows:
    """The marts after one run through two workers that nothing disturbs."""
    installation.up()
    chain = Chain(installation)
    chain.unpause()
    chain.pull()
    chain.decided()
    with installation.warehouse("privacy_officer") as connection:
        return published(connection)


def test_the_chain_runs_through_two_workers_to_published_marts(installation: Installation, undisturbed: Rows) -> None:
    assert len(installation.containers("worker")) == 2
    assert undisturbed["contacts"].total() > 500
    assert undisturbed["renewal_due"].total() > 0
    chain, hosts = Chain(installation), set()
    for dag_id in (*Chain.PULLS, Chain.DECIDE):
        for run in chain.runs(dag_id):
            assert run["state"] == "success", dag_id
            hosts |= {one["hostname"] for one in chain.tasks(dag_id, run["dag_run_id"]).values() if one["hostname"]}
    assert len(hosts) == 2


def test_the_ui_shows_the_log_of_a_task_of_every_worker(installation: Installation, undisturbed: Rows) -> None:
    chain = Chain(installation)
    for dag_id in (*Chain.PULLS, Chain.DECIDE):
        run_id = chain.runs(dag_id)[-1]["dag_run_id"]
        for name, task in chain.tasks(dag_id, run_id).items():
            if task["hostname"] and task["map_index"] == -1:
                told = chain.log(dag_id, run_id, name, task["try_number"])
                assert "Could not read served logs" not in told, (dag_id, name)
                assert '"logger": "task"' in told, (dag_id, name)


def test_each_role_logs_in_and_sees_what_is_its(installation: Installation, undisturbed: Rows) -> None:
    for name, role in PEOPLE.items():
        installation.compose(
            "exec", "-T", "api-server", "airflow", "users", "create", "--username", name, "--firstname", name,
            "--lastname", "Exercise", "--email", f"{name}@noord.example", "--role", role, "--password", PASSWORD,
        )  # fmt: skip
    lists = f"/optkeeper/lists/renewal_due/{TODAY.isoformat()}/noord/email.csv"
    expected = {
        "officer": {"/optkeeper/today": 200, "/optkeeper/gate/": 200, "/optkeeper/marts/": 200, lists: 200,
                    "/api/v2/dags/decide_and_deliver": 200, "/api/v2/connections": 403},
        "ans": {"/optkeeper/today": 200, "/optkeeper/gate/": 200, "/optkeeper/marts/": 200, lists: 403,
                "/api/v2/dags/decide_and_deliver": 403, "/api/v2/connections": 403},
        "mark": {"/optkeeper/today": 200, "/optkeeper/gate/": 200, "/optkeeper/marts/": 200, lists: 200,
                 "/api/v2/dags/decide_and_deliver": 403, "/api/v2/connections": 403},
    }  # fmt: skip
    for name, wanted in expected.items():
        client = installation.logged_in(name, PASSWORD)
        assert {path: client.get(path).status_code for path in wanted} == wanted, name


def test_the_privacy_officer_makes_dossiers_in_the_ui_and_starts_nothing_else(
    installation: Installation, undisturbed: Rows
) -> None:
    with installation.warehouse("privacy_officer") as connection:
        (address,) = connection.execute(
            "select min(address) from marts.contact_points where channel = 'email'"
        ).fetchone() or (None,)
    told = installation.compose("exec", "-T", "worker", "optkeeper", "proof-requests", "add", str(address))
    number = int(told.split()[-1])
    chain = Chain(installation, "officer", PASSWORD)
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        chain.ask("POST", f"/dags/{Chain.DECIDE}/dagRuns", json={"logical_date": None})
    for language in ("nl", "en"):
        asked = {"request": number, "language": language}
        chain.ask("POST", f"/dags/{Chain.PROVE}/dagRuns", json={"logical_date": None, "conf": asked})
        chain.over(Chain.PROVE, seconds=300)
    assert [run["triggering_user_name"] for run in chain.runs(Chain.PROVE)] == ["officer", "officer"]
    officer, others = installation.logged_in("officer", PASSWORD), ("ans", "mark")
    listed = re.findall(r'href="([^"]+)"', officer.get("/optkeeper/dossiers/").text)
    assert len(listed) == 4
    for name in listed:
        assert officer.get(f"/optkeeper/dossiers/{name}").status_code == 200
        assert {
            installation.logged_in(one, PASSWORD).get(f"/optkeeper/dossiers/{name}").status_code for one in others
        } == {403}
    pages = next(name for name in listed if name.endswith(".pdf"))
    assert officer.get(f"/optkeeper/dossiers/{pages}").content.startswith(b"%PDF-")
    with installation.warehouse("privacy_officer") as connection:
        steps = connection.execute(
            "select step, taken_by from evidence.proof_request_steps where request_id = %s order by 1", (number,)
        ).fetchall()
        assert ("answered", "officer") in steps


def test_tidy_takes_away_the_runs_of_long_ago_and_leaves_the_last(
    installation: Installation, undisturbed: Rows
) -> None:
    chain = Chain(installation)
    older, newer = (run["dag_run_id"] for run in chain.runs(Chain.PROVE))
    aged = (
        "update dag_run set start_date = start_date - interval '400 days' where run_id = '{0}';"
        " update task_instance set start_date = start_date - interval '400 days' where run_id = '{0}';"
    )
    installation.compose(
        "exec", "-T", "postgres", "psql", "--host", "/var/run/postgresql", "--username", "optkeeper", "--dbname", "airflow",
        "--command", aged.format(older),
    )  # fmt: skip
    installation.compose("exec", "-T", "tidy", "optkeeper", "tidy")
    assert [run["dag_run_id"] for run in chain.runs(Chain.PROVE)] == [newer]
    assert len(chain.runs(Chain.DECIDE)) >= 1


def test_a_person_logs_in_by_the_form_and_comes_to_the_page_asked_for(
    installation: Installation, undisturbed: Rows
) -> None:
    right = installation.secret("airflow_admin_password")
    page = _by_the_form(installation.browser(), "/optkeeper/today", right)
    assert page.url.path == "/optkeeper/today"
    assert "Optkeeper today" in page.text
    refused = _by_the_form(installation.browser(), "/optkeeper/today", "wrong")
    assert refused.url.path == "/auth/login/"


def _by_the_form(browser: httpx.Client, path: str, password: str) -> httpx.Response:
    form = browser.get(path)
    assert form.url.path == "/auth/login/"
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form.text)
    assert token is not None
    given = {"csrf_token": token[1], "username": "admin", "password": password}
    return browser.post(str(form.url), data=given)


def test_each_login_of_the_warehouse_reads_what_is_its(installation: Installation, undisturbed: Rows) -> None:
    with installation.warehouse("analyst") as analyst:
        assert analyst.execute("select count(*) from reach_daily").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("select count(*) from raw.records")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("select address from marts.contact_points")
    with installation.warehouse("marketing") as marketing:
        assert marketing.execute("select count(*) from marts.renewal_due").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            marketing.execute("select count(*) from raw.records")


def test_a_command_in_a_container_sees_the_connections_of_the_ui(installation: Installation, undisturbed: Rows) -> None:
    chain = Chain(installation)
    chain.ask(
        "POST", "/connections",
        json={"connection_id": "optkeeper_of_the_ui", "conn_type": "http", "password": "hidden", "extra": "{}"},
    )  # fmt: skip
    look = "from optkeeper import connections; print(connections.get('optkeeper_of_the_ui').password)"
    assert "hidden" in installation.compose("exec", "-T", "worker", "python", "-c", look)
    assert '"records_new": 0' in installation.compose("exec", "-T", "worker", "optkeeper", "pull", "crm")


def test_nobody_can_write_beside_the_volumes_or_become_root(installation: Installation, undisturbed: Rows) -> None:
    for service in ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "tidy", "postgres", "redis"):
        told = installation.compose(
            "exec", "-T", service, "sh", "-c", "id -u; touch /usr/written 2>/dev/null && echo written; grep CapEff /proc/self/status",
        )  # fmt: skip
        assert told.split()[0] not in ("0",), service
        assert "written" not in told, service
        assert re.search(r"CapEff:\s0{16}", told), service


def test_no_secret_stands_in_the_environment_of_a_container(installation: Installation, undisturbed: Rows) -> None:
    known = [path.read_text() for path in (installation.folder / "secrets").iterdir() if path.suffix != ".yaml"]
    for service in ("api-server", "worker", "postgres", "redis"):
        for place in ("environ", "cmdline"):
            told = installation.compose("exec", "-T", service, "sh", "-c", f"cat /proc/1/{place}")
            assert not [secret for secret in known if secret in told], (service, place)


def test_the_image_holds_what_runs_and_nothing_of_the_demo(installation: Installation, undisturbed: Rows) -> None:
    look = (
        "psql --version; pg_dump --version; find /opt /tmp /var/cache -name '*.whl' -o -path '*/uv/*' | head -3; ls plugins/optkeeper; find plugins dags -name '*.py' -newer uv.lock | head -1;"
        " find /opt/venv -name '*.pyc' | head -1"
    )
    told = installation.compose("exec", "-T", "worker", "sh", "-c", look)
    server = installation.compose("exec", "-T", "postgres", "postgres", "--version").split()[-1].split(".")[0]
    assert f"psql (PostgreSQL) {server}." in told
    assert f"pg_dump (PostgreSQL) {server}." in told
    assert "samples" not in told
    assert ".whl" not in told
    assert "/uv/" not in told
    assert ".pyc" in told
    demo = subprocess.run(
        ["docker", "compose", "exec", "-T", "worker", "optkeeper", "demo"],
        cwd=installation.folder,
        capture_output=True,
        text=True,
    )
    assert demo.returncode == 1
    assert "not part of this installation" in demo.stderr


def test_killed_and_restarted_the_chain_comes_to_the_same_rows(installation: Installation, undisturbed: Rows) -> None:
    """Down and up again amid the pulls; a worker killed amid the build; the queue restarted; the database as well."""
    installation.compose("down", "--volumes")
    installation.up(schedulers=2)
    chain = Chain(installation)
    chain.unpause()
    chain.pull()
    chain.running("pull_crm", "pull_source")
    installation.compose("down", "--timeout", "3")
    installation.up(schedulers=2)

    chain = Chain(installation)
    build = chain.running(Chain.DECIDE, "build")
    subprocess.run(["docker", "kill", build["hostname"]], check=True, capture_output=True)
    installation.up(schedulers=2)
    chain.running(Chain.DECIDE, "build", attempt=2)
    installation.compose("restart", "redis")
    chain.running(Chain.DECIDE, "gate")
    installation.compose("restart", "postgres")
    chain.decided()
    with installation.warehouse("privacy_officer") as connection:
        assert differences(undisturbed, published(connection)) == {}


def test_a_backup_comes_back_in_empty_volumes_and_nothing_leaves_before_all_is_pulled_again(
    installation: Installation, undisturbed: Rows
) -> None:
    told = installation.make("backup")
    folder = re.search(r"backups/\S+Z", told)
    assert folder is not None
    installation.compose("down", "--volumes")
    installation.make("restore", FROM=folder[0])
    chain = Chain(installation)
    with installation.warehouse("privacy_officer") as officer:
        restored = officer.execute("select max(restored_at) from raw.restores").fetchone()
        assert restored is not None
        older = officer.execute("select max(published_at) < %s from marts.publications", restored).fetchone()
        assert older == (True,)
    with installation.warehouse("analyst") as analyst, pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute("select count(*) from marts.reach_daily")
    chain.decided(after=restored[0])
    with installation.warehouse("privacy_officer") as officer:
        assert differences(undisturbed, published(officer)) == {}
    with installation.warehouse("analyst") as analyst:
        assert analyst.execute("select count(*) from reach_daily").fetchone() != (0,)
    browser = installation.logged_in()
    assert browser.get(f"/optkeeper/lists/renewal_due/{TODAY.isoformat()}/noord/email.csv").status_code == 200
    checked = installation.compose("exec", "-T", "tidy", "optkeeper", "evidence", "check")
    assert re.search(r'"rows_checked": {"records": [1-9]', checked)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "--rootdir", str(CHECKOUT), *sys.argv[1:]]))
