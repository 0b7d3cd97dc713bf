"""dbt's errors of the database without the rows that they quote.

PostgreSQL quotes a failing value, and dbt writes that to standard output, to `dbt.log` and to `run_results.json`. Its
connection manager is the one place through which all of it comes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optkeeper.warehouse.errors import place

# syntax error or access rule violation: names what the models say, never what a row holds
_OF_THE_MODEL = "42"


def keep_rows_untold() -> None:
    """Lets dbt's Postgres adapter of this process tell kind and place of an error, and a value never."""
    from dbt.adapters.postgres.impl import PostgresAdapter

    PostgresAdapter.ConnectionManager = _untold(PostgresAdapter.ConnectionManager)


def _untold(manager: Any) -> Any:
    if getattr(manager, "keeps_rows_untold", False):
        return manager
    import psycopg2
    from dbt_common.exceptions import DbtDatabaseError

    class RowsUntold(manager):  # type: ignore[misc]  # a base known at run time only
        keeps_rows_untold = True

        @contextmanager
        def exception_handler(self, sql: str) -> Iterator[None]:
            untold: str | None = None
            try:
                with super().exception_handler(sql):
                    try:
                        yield
                    except psycopg2.DatabaseError as problem:
                        untold = told(problem)
                        raise psycopg2.DatabaseError(untold) from None
            except DbtDatabaseError:
                if untold is None:
                    raise
                raise DbtDatabaseError(untold) from None

    return RowsUntold


def told(problem: Any) -> str:
    """What may be told of an error of psycopg2: its kind and place; its words only where they are the model's own."""
    kind, state = type(problem).__name__, problem.pgcode or ""
    diagnosis = problem.diag
    words = f": {diagnosis.message_primary}" if state.startswith(_OF_THE_MODEL) and diagnosis.message_primary else ""
    return f"{kind} in the warehouse, SQLSTATE {state or 'none'}{place(diagnosis)}{words}"
