"""The compose file is sound as far as that shows without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from optkeeper.warehouse import database

CHECKOUT = Path(__file__).parents[1]
READERS_PASSWORDS = {f"OPTKEEPER_{login.upper()}_PASSWORD" for login in database.READERS}
TEXT = (CHECKOUT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(TEXT)
    return read


def test_every_part_of_airflow_waits_for_the_migration_and_that_for_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name


def test_every_service_that_stays_has_a_health_check_and_restarts(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name not in ("prepare", "migrate"):
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_what_is_waited_for_can_become_healthy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert name in services
            assert wanted["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_nothing_is_reached_from_outside_but_the_ui_of_this_machine(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"api-server": ["127.0.0.1:${OPTKEEPER_UI_PORT:-8080}:8080"]}


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    secrets = {name for name in re.findall(r"\$\{(\w+)", TEXT) if re.search("PASSWORD$|SECRET$|KEY$", name)}
    assert secrets
    for name in secrets:
        # a reader's login without a password is one that nobody can use
        given = ":-}" if name in READERS_PASSWORDS else ":?"
        assert f"${{{name}{given}" in TEXT, f"{name} must be given, without a default"


def test_only_what_prepares_the_warehouse_knows_its_owner(compose: dict[str, Any]) -> None:
    services = compose["services"]
    knowing = {name for name, service in services.items() if "OPTKEEPER_DB_PASSWORD" in str(service)}
    assert knowing == {"postgres", "prepare"}
    assert "//pipeline:" in services["scheduler"]["environment"]["OPTKEEPER_WAREHOUSE_URL"]
    assert "//airflow:" in services["scheduler"]["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert services[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}, name


def test_every_volume_and_secret_that_a_service_names_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])


def test_the_image_copies_only_what_there_is() -> None:
    for line in re.findall(r"^COPY --chown=optkeeper (.+) \S+$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE):
        for name in line.split():
            assert (CHECKOUT / name).exists(), name
