"""Airflow connections as connectors want them: the only place where a secret is looked up."""

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from optkeeper.sources.stream import ConnectionDetails


class ConnectionMissing(Exception):
    """Airflow knows no such connection."""


def find(connection_id: str) -> ConnectionDetails | None:
    """A connection by its id, or None where Airflow knows none."""
    try:
        connection = BaseHook.get_connection(connection_id)
    except (AirflowNotFoundException, AirflowRuntimeError):
        return None
    return ConnectionDetails(
        host=connection.host or "",
        port=connection.port,
        login=connection.login or "",
        password=connection.password or "",
        schema=connection.schema or "",
        extra=connection.extra_dejson,
    )


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
