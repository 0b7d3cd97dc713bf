"""Where a connection is looked up: variables first, Airflow's metadata outside of a task."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow import settings as airflow_settings
from airflow.models.connection import Connection
from airflow.utils.db import initdb
from optkeeper import connections

METADATA = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def test_a_connection_of_a_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(METADATA, raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_OPTKEEPER_TRIED", '{"conn_type": "http", "password": "token", "extra": {"a": 1}}')
    found = connections.get("optkeeper_tried")
    assert (found.password, found.extra) == ("token", {"a": 1})


def test_where_no_airflow_is_set_up_an_unknown_connection_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(METADATA, raising=False)
    assert connections.find("optkeeper_unknown") is None
    with pytest.raises(connections.ConnectionMissing, match="no connection 'optkeeper_unknown'"):
        connections.get("optkeeper_unknown")


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv(METADATA, f"sqlite:///{tmp_path}/airflow.db")
    airflow_settings.configure_vars()
    airflow_settings.configure_orm()
    yield
    monkeypatch.undo()
    airflow_settings.dispose_orm()
    airflow_settings.configure_vars()
    airflow_settings.configure_orm()


def test_a_command_finds_what_stands_in_airflows_metadata(metadata: None) -> None:
    initdb()
    with airflow_settings.Session() as session:
        session.add(Connection(conn_id="optkeeper_of_the_ui", conn_type="http", password="kept"))
        session.commit()
    assert connections.get("optkeeper_of_the_ui").password == "kept"
    assert connections.find("optkeeper_unknown") is None


def test_metadata_that_do_not_answer_are_no_connection_that_is_missing(metadata: None) -> None:
    """A list must not go unmailed since nobody could be asked where the mail server is."""
    with pytest.raises(connections.MetadataUnreachable, match="'optkeeper_smtp' may stand there"):
        connections.find("optkeeper_smtp")
