"""What was decided before a restore neither leaves nor is read."""

from typing import Any

import psycopg
import pytest
from optkeeper.warehouse import restored

Connection = psycopg.Connection[Any]


def test_a_restore_is_remembered_by_its_moment(owner: Connection, warehouse: Connection) -> None:
    assert restored.last(warehouse) is None
    first = restored.mark(owner)
    assert restored.last(warehouse) == first
    second = restored.mark(owner)
    assert second > first
    assert restored.last(warehouse) == second


def test_readers_see_no_decisions_until_the_next_publication(owner: Connection, warehouse: Connection) -> None:
    warehouse.execute("create schema marts")
    warehouse.execute("create table marts.decisions (address text)")
    warehouse.execute("grant usage on schema marts to analyst, marketing")
    for login in ("analyst", "marketing"):
        assert _may_use(owner, login)
    restored.mark(owner)
    for login in ("analyst", "marketing"):
        assert not _may_use(owner, login)
    assert _may_use(owner, "privacy_officer")


def test_the_pipeline_itself_cannot_note_a_restore(warehouse: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        restored.mark(warehouse)


def _may_use(connection: Connection, login: str) -> bool:
    row = connection.execute("select has_schema_privilege(%s, 'marts', 'usage')", (login,)).fetchone()
    return row == (True,)
