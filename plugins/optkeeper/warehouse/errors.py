"""Database errors without the rows that they quote: those hold personal data, and logs must not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a DAG file that names a step parses without the driver
    import psycopg


class WarehouseError(Exception):
    """The warehouse refused or broke off. The text names kind, relation and constraint, never a value."""


def told(problem: "psycopg.Error") -> str:
    """What may be told of a database error."""
    import psycopg

    kind = type(problem).__name__
    if problem.sqlstate is None and isinstance(problem, psycopg.OperationalError):
        return f"{kind}: {' '.join(str(problem).split())}"  # of the connection; no row is involved
    return f"{kind} in the warehouse{place(problem.diag)}"


def place(diagnosis: Any) -> str:
    """Where an error of either driver arose, in brackets; nothing where the server names no place."""
    named = (
        ("schema", diagnosis.schema_name),
        ("relation", diagnosis.table_name),
        ("column", diagnosis.column_name),
        ("constraint", diagnosis.constraint_name),
    )
    places = ", ".join(f"{what} {name}" for what, name in named if name)
    return f" ({places})" if places else ""


@contextmanager
def rows_untold() -> Iterator[None]:
    """Raises database errors anew without their rows.

    Raises:
        WarehouseError: in place of any error of the database.
    """
    try:
        yield
    except Exception as problem:
        import psycopg

        if isinstance(problem, psycopg.Error):
            raise WarehouseError(told(problem)) from None
        raise
