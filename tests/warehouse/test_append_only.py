"""Raw is append-only by right: the server refuses to change or remove what was received."""

from typing import Any

import psycopg
import pytest
from optkeeper.warehouse import database

Connection = psycopg.Connection[Any]
EVIDENCE = (
    "records",
    "quarantine",
    "files",
    "populations",
    "builds",
    "addresses",
    "addresses_within",
    "policy_versions",
    "delivered_renewals",
    "restores",
)


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.parametrize("change", ["update {} set source = source", "delete from {}", "truncate {}"])
def test_what_was_received_is_neither_changed_nor_removed(
    owner: Connection, warehouse: Connection, table: str, change: str
) -> None:
    statement = change.format(f"raw.{table}")
    column = {
        "builds": "run_id",
        "addresses": "raw",
        "addresses_within": "raw",
        "policy_versions": "file",
        "delivered_renewals": "brand",
        "restores": "restored_at",
    }.get(table)
    if column:
        statement = statement.replace("source = source", f"{column} = {column}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"permission denied for table {table}"):
        warehouse.execute(statement.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"raw.{table} is append-only"):
        owner.execute(statement.encode())


def test_making_the_schema_again_while_somebody_lands_waits_for_nobody(
    warehouse: Connection, warehouse_url: str
) -> None:
    with database.connect(warehouse_url) as another, another.transaction():
        another.execute("insert into raw.builds (run_id, as_of, known_at) values ('r', now(), now())")
        warehouse.execute("set lock_timeout = '2s'")
        database.ensure_raw(warehouse)
