"""A restored warehouse does not know who has opted out since its backup: until all is pulled again, nothing leaves."""

from datetime import datetime
from typing import Any

import psycopg

from optkeeper.warehouse.publish import MARTS


def mark(connection: psycopg.Connection[Any]) -> datetime:
    """Notes that the warehouse was restored just now, and hides its decisions until the next publication.

    From then on the gate stops every build in which a source has not been pulled since, and neither an older build is
    published nor an older publication delivered. The owner of the warehouse does this.
    """
    with connection.transaction():
        row = connection.execute("insert into raw.restores default values returning restored_at").fetchone()
        if connection.execute("select to_regnamespace(%s)", (MARTS,)).fetchone() != (None,):
            # given back by the next publication
            connection.execute("revoke usage on schema marts from analyst, marketing")
    assert row is not None
    restored_at: datetime = row[0]
    return restored_at


def last(connection: psycopg.Connection[Any]) -> datetime | None:
    """When the warehouse was restored last; None where it never was."""
    row = connection.execute("select max(restored_at) from raw.restores").fetchone()
    return row[0] if row else None
