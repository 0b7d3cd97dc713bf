"""dbt, in this process: the one place that runs the models, for production and for an evaluation alike."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from optkeeper import daily, policy_versions, registry_check, settings
from optkeeper.private import kept_private, make_private
from optkeeper.warehouse import database
from optkeeper.warehouse.dbt_errors import keep_rows_untold

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

_BUILD = ("build", "--exclude-resource-type", "unit_test")
# Of all there is much, and each large join has a key to hash by. The planner expects few rows of joins over many
# columns, and would walk the other side for each of them; the sorts are large, and two models are made at a time.
_OF_ALL = "-c enable_nestloop=off -c work_mem=64MB"
# Of few rows a sample of nine thousand says enough, and most tables of a day are read whole for a larger one.
_OF_FEW = "-c default_statistics_target=30"
# the manifest that a full build leaves is that of the others too, and to write it takes as long as many models
_WITHOUT_ARTIFACTS = ("--no-write-json",)
_RUN = ("run",)  # the tests that hold of the whole hold of a part; a full build asks them


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


@contextmanager
def _copied(seeds: Path | None, work_folder: Path) -> Iterator[Path | None]:
    """A copy of a folder of seeds: dbt writes what it ran over seed files that stand outside its project.

    Always in the same place, so that dbt need not parse the project anew.
    """
    if seeds is None:
        yield None
        return
    copied = work_folder / "copied_seeds"
    shutil.rmtree(copied, ignore_errors=True)
    try:
        shutil.copytree(seeds, copied)
        registry_check.complete(copied)
        yield copied
    finally:
        shutil.rmtree(copied, ignore_errors=True)


def run(
    command: Sequence[str],
    *,
    address: str,
    work_folder: Path,
    variables: Mapping[str, Any] | None = None,
    seeds: Path | None = None,
    session: str = "",
) -> TransformCounts:
    """Runs one dbt command (`["build", "--select", ...]`) on the database at an address.

    Args:
        address: the warehouse's address.
        work_folder: where dbt keeps its manifest, compiled SQL and log.
        variables: the project's variables, as `questions`.
        seeds: another folder of seeds than the project's own, read with the project's rows of every policy key that it
            does not name. It stays as it is.
        session: settings of the sessions that the models are made in, as `PGOPTIONS` has them.

    Raises:
        RegistryFault: policy or registries lack a row, or hold one twice.
        TransformError: a node failed.
    """
    with _copied(seeds, work_folder) as copied:
        registry_check.check(copied)
        return _invoke(command, address, work_folder, variables or {}, copied, session)


def _invoke(
    command: Sequence[str],
    address: str,
    work_folder: Path,
    variables: Mapping[str, Any],
    seeds: Path | None,
    session: str,
) -> TransformCounts:
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
    if session:
        values["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} {session}".strip()
    arguments = [
        *command,
        "--project-dir", str(settings.DBT_PROJECT),
        "--profiles-dir", str(settings.DBT_PROJECT),
        "--log-path", str(work_folder / "logs"),
        "--vars", msgspec.json.encode(dict(variables)).decode(),
        "--quiet", "--no-use-colors",
    ]  # fmt: skip
    keep_rows_untold()
    for folder in ("logs", "target"):
        make_private(work_folder / folder)
    with _environment(values), kept_private():
        outcome = dbtRunner().invoke(arguments)
    results = getattr(outcome.result, "results", None) or []
    if not outcome.success:
        failed = [result.node.name for result in results if str(result.status) in ("error", "fail")]
        cause = f"failed at: {', '.join(failed)}" if failed else type(outcome.exception).__name__
        raise TransformError(f"dbt {command[0]} {cause}; see {work_folder / 'logs' / 'dbt.log'}")
    _log_times(results)
    warned = sum(1 for result in results if str(result.status) == "warn")
    return TransformCounts(succeeded=len(results) - warned, warned=warned)


def _log_times(results: Sequence[Any]) -> None:
    """Each node that made something with its seconds, in the order of their ends, and what the tests took together."""
    tests = [result for result in results if str(result.node.resource_type) == "test"]
    for result in results:
        if str(result.node.resource_type) in ("model", "seed"):
            log.info(
                "%s %s: %s in %.2f s", result.node.resource_type, result.node.name, result.status, result.execution_time
            )
    if tests:
        log.info("tests: %d in %.2f s", len(tests), sum(result.execution_time for result in tests))


def _known_at(connection: "psycopg.Connection[Any]", run_id: str, as_of: datetime) -> datetime:
    """The moment that a build knows everything received until, taken from the clock of receipt and kept.

    It waits for landings that have stamped their records and not committed them; whatever is stamped later is later.
    """
    with connection.transaction():
        row = connection.execute(
            "update raw.receipt_clock set last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')"
            " returning last_at"
        ).fetchone()
        assert row is not None
        connection.execute(
            "insert into raw.builds (run_id, as_of, known_at) values (%s, %s, %s)", (run_id, as_of, row[0])
        )
    known_at: datetime = row[0]
    return known_at


def build(
    run_id: str, as_of: datetime, *, address: str | None = None, work_folder: Path | None = None, full: bool = False
) -> TransformCounts:
    """Builds and tests everything from staging to the candidate marts, deciding for one business moment.

    What changed since the build that stands is computed, and everything where there is none or the rules have changed.

    Args:
        run_id: names the build.
        as_of: the business moment.
        address: the warehouse's address; the installation's own when absent.
        work_folder: where dbt keeps what it parsed; the installation's own when absent.
        full: compute everything, whatever changed.

    Raises:
        TransformError: a model or a test failed; the candidate marts then are of no run and cannot be published.
    """
    address = address or database.url()
    work = work_folder or settings.home() / "dbt"
    with database.connect(address) as connection:
        database.ensure_raw(connection)
        daily.ensure(connection)
        connection.execute("delete from intermediate.completed_builds")
        known_at = _known_at(connection, run_id, as_of)
        version = policy_versions.keep(connection)
        now = daily.state(connection, run_id, as_of, known_at, version)
        before = daily.standing(connection)
        reason = "it was asked for" if full else daily.reason_for_all(connection, before, now)
        if reason or before is None:
            log.info("everything is built: %s", reason)
            counts = _build_all(connection, address, work, now)
        else:
            counts = _build_changed(connection, address, work, before, now)
        connection.execute("insert into intermediate.completed_builds values (%s, now())", (run_id,))
    return counts


def tell(connection: "psycopg.Connection[Any]", build: daily.State, prefix: str = "") -> None:
    """Writes down for the models which build it is and for which moment.

    Not as variables: dbt parses a whole project anew when one has changed.
    """
    schema = f"{prefix}intermediate"
    with connection.transaction():
        connection.execute(
            f"create schema if not exists {schema};"
            f" create table if not exists {schema}.this_build (run_id text not null, as_of timestamptz not null,"
            " known_at timestamptz not null, policy_version text not null);"
            f" delete from {schema}.this_build".encode()
        )
        connection.execute(
            f"insert into {schema}.this_build values (%s, %s, %s, %s)".encode(),
            (build.run_id, build.as_of, build.known_at, build.policy_version),
        )


class NothingStands(TransformError):
    """There is no build to read or to compare with, as after a crash of the server: the next builds everything."""


class RebuildDiffers(Exception):
    """What stands is not what a full build makes of the same records. The text counts rows, and shows none."""


def compare(*, address: str | None = None, work_folder: Path | None = None) -> TransformCounts:
    """Builds everything anew in schemas of its own, and compares what stands with it, row for row.

    The next publication then compares all of its rows as well.

    Raises:
        RebuildDiffers: a table differs.
        NothingStands: no build stands whole, as after a crash of the server.
        TransformError: a model or a test failed.
    """
    address = address or database.url()
    work = work_folder or settings.home() / "dbt"
    with database.connect(address) as connection:
        daily.ensure(connection)
        stands = daily.standing(connection)
        if stands is None:
            raise NothingStands("no build stands whole, so that there is nothing to compare")
        daily.clear(connection, daily.REBUILT)
        try:
            tell(connection, stands, daily.REBUILT)
            counts = run(
                [*_BUILD, *_WITHOUT_ARTIFACTS],
                address=address,
                work_folder=work / "rebuilt",
                variables={"schema_prefix": daily.REBUILT},
                session=_OF_ALL,
            )
            found = daily.differences(connection)
            daily.publish_all(connection)
        finally:
            daily.clear(connection, daily.REBUILT)
    if found:
        told = "; ".join(f"{name}: {more} too many, {lacking} lacking" for name, (more, lacking) in found.items())
        raise RebuildDiffers(f"what stands differs from a full build: {told}")
    return counts


def _build_all(connection: "psycopg.Connection[Any]", address: str, work: Path, now: daily.State) -> TransformCounts:
    connection.execute("analyze raw.records")
    daily.forget(connection)
    tell(connection, now)
    counts = run(_BUILD, address=address, work_folder=work, session=_OF_ALL)
    daily.keep(connection, now)
    return counts


def _build_changed(
    connection: "psycopg.Connection[Any]",
    address: str,
    work: Path,
    before: daily.State,
    now: daily.State,
) -> TransformCounts:
    daily.prepare(connection, before, now)
    tell(connection, now, daily.PREFIX)
    changed = run(
        [*_RUN, *_WITHOUT_ARTIFACTS, *daily.BUILT, *daily.without(connection)],
        address=address,
        work_folder=work / "day",
        variables=daily.VARIABLES,
        session=_OF_FEW,
    )
    log.info("the rows of %d contacts were built", daily.take_over(connection, now, address=address))
    daily.clear(connection)
    tell(connection, now)
    whole = run([*_BUILD, *_WITHOUT_ARTIFACTS, *daily.WHOLE], address=address, work_folder=work)
    return TransformCounts(changed.succeeded + whole.succeeded, changed.warned + whole.warned)


def document(folder: Path, *, address: str | None = None) -> Path:
    """Writes the page that describes every model and mart, as published, into a folder; answers the page.

    Raises:
        TransformError: dbt could not describe them.
    """
    with tempfile.TemporaryDirectory(prefix="opk") as work:
        # nothing is compiled, so that no business moment is needed
        for command in (["parse"], ["docs", "generate", "--static", "--no-compile"]):
            run(
                command, address=address or database.url(), work_folder=Path(work), variables={"published": True}
            )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "index.html"
        # whole or not at all: a reader may have it open
        written = page.with_suffix(".new")
        shutil.copyfile(Path(work) / "target" / "static_index.html", written)
        written.replace(page)
    return page
