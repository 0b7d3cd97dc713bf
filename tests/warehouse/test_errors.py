import traceback
from typing import Any

import psycopg
import pytest
from optkeeper.warehouse.errors import WarehouseError, rows_untold


def test_a_refused_row_is_told_by_relation_and_constraint_and_never_by_value(
    warehouse: psycopg.Connection[Any],
) -> None:
    warehouse.execute("create schema lists")
    warehouse.execute("create table lists.people (address text constraint one_each unique)")
    with pytest.raises(WarehouseError) as raised, rows_untold():
        warehouse.execute("insert into lists.people values ('anna@noord.example'), ('anna@noord.example')")
    assert str(raised.value) == (
        "UniqueViolation in the warehouse (schema lists, relation people, constraint one_each)"
    )
    assert "anna" not in "".join(traceback.format_exception(raised.value))


def test_a_value_that_cannot_be_read_is_not_quoted(warehouse: psycopg.Connection[Any]) -> None:
    with pytest.raises(WarehouseError, match="^InvalidDatetimeFormat in the warehouse$"), rows_untold():
        warehouse.execute("select 'anna@noord.example'::date")


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(WarehouseError, match="OperationalError: .*/nowhere"), rows_untold():
        psycopg.connect("postgresql://postgres@/warehouse?host=/nowhere")


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(LookupError, match="nothing is built yet"), rows_untold():
        raise LookupError("nothing is built yet")
