"""The values for the official Helm chart are ones that it takes."""

import copy
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

CHECKOUT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((CHECKOUT / "tests/helm_chart.schema.yaml").read_text())


@pytest.fixture
def values() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CHECKOUT / "helm-values.yaml").read_text())
    return read


def test_every_value_has_the_place_and_the_type_that_the_chart_gives_it(values: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(values, SCHEMA, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("createUserJob", "enable"), False),
        (("workers", "replicas"), "2"),
        (("workers", "resources", "limit"), {"memory": "4Gi"}),
        (("executor",), "celery"),
        (("env", 0, "value"), 1),
        (("volumes", 1, "persistentVolumeClaim"), {"name": "optkeeper-state"}),
        (("migrateDatabaseJob", "extraInitContainers", 0, "environment"), []),
    ],
)
def test_a_misspelt_or_mistyped_value_is_refused(
    values: dict[str, Any], path: tuple[str | int, ...], wrong: object
) -> None:
    changed: Any = copy.deepcopy(values)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, SCHEMA, cls=jsonschema.Draft7Validator)


def test_the_version_of_airflow_is_the_installed_one(values: dict[str, Any]) -> None:
    [locked] = re.findall(r'name = "apache-airflow"\nversion = "([^"]+)"', (CHECKOUT / "uv.lock").read_text())
    assert values["airflowVersion"] == locked


HELM = """#!/bin/sh
echo "$@" >> "$ASKED"
[ "$1" = template ] || exit 0
echo "$RENDERED"
"""
RENDERED = "kind: {}\nspec: {{template: {{spec: {{containers: [{{image: '{}'}}]}}}}}}"


def checked(path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [".ci/helm"],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith("OPTKEEPER")}
        | environment
        | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_where_there_is_no_helm_the_check_says_so_and_fails_only_where_one_should_be(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    said = checked(str(tmp_path))
    assert (said.returncode, "nothing was rendered" in said.stdout) == (0, True)
    assert checked(str(tmp_path), OPTKEEPER_HELM="required").returncode == 1


@pytest.mark.parametrize(
    ("image", "refused"),
    [("registry.example/optkeeper:local", False), ("apache/airflow:3.2.2", True)],
    ids=["ours", "theirs"],
)
def test_what_the_chart_renders_has_to_run_our_image(tmp_path: Path, image: str, refused: bool) -> None:
    (tmp_path / "helm").write_text(HELM)
    (tmp_path / "helm").chmod(0o755)
    said = checked(
        f"{tmp_path}:{os.environ['PATH']}",
        ASKED=str(tmp_path / "asked"),
        RENDERED=RENDERED.format("Deployment", image),
        OPTKEEPER_HELM="required",
    )
    assert (said.returncode != 0) == refused, said.stderr
    assert "--values helm-values.yaml" in (tmp_path / "asked").read_text()
