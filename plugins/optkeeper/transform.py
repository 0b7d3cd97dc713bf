"""dbt, in this process: the one place that runs the models, for production and for an evaluation alike."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from optkeeper import settings
from optkeeper.warehouse import database


class TransformError(Exception):
    """dbt did not finish. The text names the nodes that failed, never a row."""


@dataclass(frozen=True, slots=True)
class TransformCounts:
    """How many nodes of dbt ran, by outcome."""

    succeeded: int
    warned: int


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run(
    command: Sequence[str],
    *,
    address: str,
    work_folder: Path,
    variables: Mapping[str, Any] | None = None,
    seeds: Path | None = None,
) -> TransformCounts:
    """Runs one dbt command (`["build", "--select", ...]`) on the database at an address.

    Args:
        address: the warehouse's address.
        work_folder: where dbt keeps its manifest, compiled SQL and log.
        variables: the project's variables, as `as_of`.
        seeds: another folder of seeds than the project's own.

    Raises:
        TransformError: a node failed.
    """
    from dbt.cli.main import dbtRunner

    part = database.parts(address)
    values = {
        "OPTKEEPER_DB_HOST": part["host"],
        "OPTKEEPER_DB_PORT": part["port"],
        "OPTKEEPER_DB_USER": part["user"],
        "OPTKEEPER_DB_PASSWORD": part["password"],
        "OPTKEEPER_DB_NAME": part["dbname"],
        "DBT_TARGET_PATH": str(work_folder / "target"),
        "DO_NOT_TRACK": "1",
    }
    if seeds is not None:
        values["OPTKEEPER_SEEDS"] = str(seeds)
    arguments = [
        *command,
        "--project-dir", str(settings.DBT_PROJECT),
        "--profiles-dir", str(settings.DBT_PROJECT),
        "--log-path", str(work_folder / "logs"),
        "--vars", msgspec.json.encode(dict(variables or {})).decode(),
        "--quiet", "--no-use-colors",
    ]  # fmt: skip
    with _environment(values):
        outcome = dbtRunner().invoke(arguments)
    results = getattr(outcome.result, "results", None) or []
    if not outcome.success:
        failed = [result.node.name for result in results if str(result.status) in ("error", "fail")]
        cause = f"failed at: {', '.join(failed)}" if failed else type(outcome.exception).__name__
        raise TransformError(f"dbt {command[0]} {cause}; see {work_folder / 'logs' / 'dbt.log'}")
    warned = sum(1 for result in results if str(result.status) == "warn")
    return TransformCounts(succeeded=len(results) - warned, warned=warned)
