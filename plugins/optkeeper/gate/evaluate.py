"""Great Expectations at work: every statement of `expectations/` evaluated on the warehouse, and its Data Docs.

This module imports Great Expectations, which takes seconds; `optkeeper.gate.run` imports it when it must.
"""

import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg

from optkeeper import settings
from optkeeper.gate.report import CRITICAL, StatementResult, nameable
from optkeeper.warehouse import database

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the library is imported

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

SAMPLED = 20
# Few, large hash joins: worth memory, and not worth compiling. Of joins over many columns the planner expects one row,
# and would walk the whole list for each of its rows.
_SESSION = "-c timezone=UTC -c jit=off -c work_mem=256MB -c enable_nestloop=off"
_DRIVER_ERROR = re.compile(r"psycopg\.errors\.(\w+)")


def statements() -> list[Any]:
    """The classes of the project's `expectations` package, wherever this process was started."""
    name, folder = "expectations", settings.CHECKOUT / "expectations"
    package: ModuleType | None = sys.modules.get(name)
    if package is None:
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise ImportError("the checkout holds no package 'expectations'")
        package = importlib.util.module_from_spec(spec)
        sys.modules[name] = package
        spec.loader.exec_module(package)
    elif Path(str(package.__file__)).resolve().parent != folder:
        raise ImportError("another package named 'expectations' is imported than the checkout's")
    found: list[Any] = package.statements()
    return found


def evaluate(
    connection: psycopg.Connection[Any], address: str, chosen: Sequence[Any], changed: bool = False
) -> tuple[list[StatementResult], Any]:
    """Evaluates statements, one suite per relation; answers a result for each, and the context to document them from.

    Args:
        connection: reads the samples of what violates a statement.
        address: the warehouse's address, for Great Expectations.
        chosen: classes of `expectations/`.
        changed: whether what rests on a contact alone is judged on the schema `changed`.
    """

    def read(statement: Any) -> str:
        return str(statement.read(changed=changed))

    results: list[StatementResult] = []
    connection.execute("set enable_nestloop = off")
    with _silent():
        context: Any = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        ordered = sorted(chosen, key=read)
        for schema, of_schema in groupby(ordered, key=lambda statement: read(statement).split(".")[0]):
            source = context.data_sources.add_postgres(
                schema,
                connection_string=database.sqlalchemy_url(address),
                kwargs={"connect_args": {"options": f"-c search_path={schema} {_SESSION}"}},
                create_temp_table=False,
            )
            for relation, group in groupby(of_schema, key=read):
                results += _evaluate_relation(connection, context, source, relation, list(group), changed)
            source.get_execution_engine().close()
            source.get_engine().dispose()  # it looked at each table on a connection of its own, which it would keep
    place = {statement.__name__: number for number, statement in enumerate(chosen)}
    return sorted(results, key=lambda result: place[result.rule]), context


def _evaluate_relation(
    connection: psycopg.Connection[Any], context: Any, source: Any, relation: str, group: list[Any], changed: bool
) -> list[StatementResult]:
    known = connection.execute("select to_regclass(%s)", (relation,)).fetchone()
    if known is None or known[0] is None:
        return [_unevaluated(statement, f"there is no {relation}") for statement in group]
    asset = source.add_table_asset(relation, table_name=relation.split(".")[1])
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=relation,
            data=asset.add_batch_definition_whole_table(relation),
            suite=context.suites.add(
                gx.ExpectationSuite(
                    relation, expectations=[one(unexpected_rows_query=one.query(changed=changed)) for one in group]
                )
            ),
        )
    )
    outcome = definition.run()
    told = _told(connection, outcome, group, changed)
    store = context.validation_results_store
    for key in store.list_keys():
        if key.expectation_suite_identifier.name == relation:
            store.update(key, outcome)  # what the library stored may hold the server's words, and those a value
    return told


def _told(
    connection: psycopg.Connection[Any], outcome: ExpectationSuiteValidationResult, group: list[Any], changed: bool
) -> list[StatementResult]:
    """A result for each statement; what the library found is cleared of the server's error texts on the way."""
    found = {result.expectation_config.type: result for result in outcome.results if result.expectation_config}
    results = []
    for statement in group:
        result = found.get(statement.expectation_type)
        violations = None if result is None else result.result.get("observed_value")
        if result is None or violations is None:
            errors = _DRIVER_ERROR.findall(str(result.exception_info)) if result is not None else []
            problem = errors[0] if errors else "it was not evaluated"
            if result is not None:
                result.exception_info = {
                    "raised_exception": True,
                    "exception_message": problem,
                    "exception_traceback": "",
                }
            results.append(_unevaluated(statement, problem))
            continue
        sample = _sample(connection, statement, changed) if violations else ()
        if sample:
            result.result["partial_unexpected_list"] = [
                ", ".join(f"{key} {value}" for key, value in row.items()) for row in sample
            ]
        results.append(
            StatementResult(
                rule=statement.__name__,
                stated=statement.stated(),
                relation=statement.relation,
                severity=_severity(statement),
                violations=int(violations),
                sample=sample,
                read="" if statement.read(changed=changed) == statement.relation else statement.read(changed=changed),
            )
        )
    return results


def _unevaluated(statement: Any, problem: str) -> StatementResult:
    """Not knowing is never a pass, and stops the run even where a violation would only warn."""
    return StatementResult(
        rule=statement.__name__,
        stated=statement.stated(),
        relation=statement.relation,
        severity=CRITICAL,
        violations=None,
        problem=problem,
    )


def _severity(statement: Any) -> str:
    return str(getattr(statement.__fields__["severity"].default, "value", statement.__fields__["severity"].default))


def _sample(
    connection: psycopg.Connection[Any], statement: Any, changed: bool
) -> tuple[dict[str, str | int | None], ...]:
    rows = connection.execute(f"select * from ({statement.sql(changed=changed)}) as violations limit {SAMPLED}")
    names = [column.name for column in rows.description or ()]
    return tuple({name: nameable(value) for name, value in zip(names, row, strict=True)} for row in rows.fetchall())


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps the library's log to itself: it would tell a failing query's error text, which may hold a value."""
    logger = logging.getLogger("great_expectations")
    before, nowhere = logger.propagate, logging.NullHandler()
    logger.propagate = False
    logger.addHandler(nowhere)
    try:
        yield
    finally:
        logger.removeHandler(nowhere)
        logger.propagate = before
