"""Airflow connections as connectors want them: the only place where a secret is looked up.

They may stand in variables, in a secrets backend or in Airflow's metadata. A task gets those of the metadata from the
API server; a command outside of one reads them itself, where an Airflow is set up at all.
"""

import os
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from optkeeper.sources.stream import ConnectionDetails

_METADATA = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class ConnectionMissing(Exception):
    """Airflow knows no such connection."""


class MetadataUnreachable(Exception):
    """Whether there is such a connection cannot be told: Airflow's metadata do not answer."""


def find(connection_id: str) -> ConnectionDetails | None:
    """A connection by its id, or None where Airflow knows none.

    Raises:
        MetadataUnreachable: outside of a task, Airflow's metadata are set up and do not answer.
    """
    connection: Any
    try:
        connection = BaseHook.get_connection(connection_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        connection = None if _in_task() else _from_metadata(connection_id)
    if connection is None:
        return None
    return ConnectionDetails(
        host=connection.host or "",
        port=connection.port,
        login=connection.login or "",
        password=connection.password or "",
        schema=connection.schema or "",
        extra=connection.extra_dejson,
    )


def _in_task() -> bool:
    from airflow.sdk.execution_time import task_runner

    return getattr(task_runner, "SUPERVISOR_COMMS", None) is not None


def _from_metadata(connection_id: str) -> Any:
    if not any(name in os.environ for name in (_METADATA, f"{_METADATA}_CMD", f"{_METADATA}_SECRET")):
        return None
    from airflow.secrets.metastore import MetastoreBackend
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return MetastoreBackend().get_connection(connection_id)
    except SQLAlchemyError as problem:
        raise MetadataUnreachable(
            f"Airflow's metadata do not answer ({type(problem).__name__}), and connection {connection_id!r} may stand"
            " there"
        ) from None


def get(connection_id: str) -> ConnectionDetails:
    """A connection by its id.

    Raises:
        ConnectionMissing: Airflow knows none of this id.
    """
    details = find(connection_id)
    if details is None:
        raise ConnectionMissing(
            f"Airflow has no connection {connection_id!r}; define it, or take the source's row away"
        )
    return details
