"""What the owner prepares, and for which server."""

from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from optkeeper.warehouse import database

Connection = psycopg.Connection[Any]


@pytest.mark.parametrize("version", [130012, 150009])
def test_a_server_that_the_models_would_fail_on_is_refused_at_once(version: int) -> None:
    old = cast(Connection, SimpleNamespace(info=SimpleNamespace(server_version=version)))
    with pytest.raises(database.ServerTooOld, match=f"is PostgreSQL {version // 10_000}; Optkeeper needs 16 or newer"):
        database.ensure_raw(old)


def test_without_a_password_nothing_is_made_for_airflow(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTKEEPER_AIRFLOW_PASSWORD", raising=False)
    monkeypatch.delenv("OPTKEEPER_AIRFLOW_PASSWORD_FILE", raising=False)
    assert not database.prepare_airflow(owner)


def test_airflows_database_is_made_once_and_its_password_follows_the_file(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "AIRFLOW", "airflow_of_a_test")
    try:
        for password in ("first", "second"):
            monkeypatch.setenv("OPTKEEPER_AIRFLOW_OF_A_TEST_PASSWORD", password)
            assert database.prepare_airflow(owner)
        held = owner.execute(
            "select rolname, datallowconn, has_database_privilege('analyst', pg_database.oid, 'connect')"
            " from pg_database inner join pg_roles on pg_roles.oid = datdba where datname = 'airflow_of_a_test'"
        ).fetchall()
        assert held == [("airflow_of_a_test", True, False)]
    finally:
        owner.execute("drop database if exists airflow_of_a_test")
        owner.execute("drop role if exists airflow_of_a_test")
