"""One pull of one registered source: its stream landed, its run recorded for freshness and volume."""

from typing import Any

import psycopg

from optkeeper.landing.land import Landing, LandingCounts
from optkeeper.registry import RegisteredSource
from optkeeper.sources import connector
from optkeeper.sources.stream import ConnectionDetails


def pull(connection: psycopg.Connection[Any], source: RegisteredSource, details: ConnectionDetails) -> LandingCounts:
    """Pulls a source to exhaustion and lands what is new.

    Only one pull of a source runs at a time; a second one waits for it. A failure is recorded with its
    kind and raised again; what landed before it stays, and the next pull goes on from there.
    """
    connection.execute("select pg_advisory_lock(hashtext('optkeeper.pull'), hashtext(%s))", (source.source,))
    try:
        row = connection.execute(
            "insert into raw.pulls (source, started_at, state) values (%s, now(), 'running') returning pull_id",
            (source.source,),
        ).fetchone()
        assert row is not None
        landing = Landing(connection, source.source)
        try:
            landing.land(connector(source.connector)(source, details).pull(landing.ledger))
        except BaseException as problem:
            _close(connection, row[0], "failed", landing.counts, type(problem).__name__)
            raise
        _close(connection, row[0], "complete", landing.counts, None)
        return landing.counts
    finally:
        connection.execute("select pg_advisory_unlock(hashtext('optkeeper.pull'), hashtext(%s))", (source.source,))


def _close(
    connection: psycopg.Connection[Any], pull_id: int, state: str, counts: LandingCounts, problem: str | None
) -> None:
    connection.execute(
        "update raw.pulls set finished_at = now(), state = %s, records_seen = %s, records_new = %s, records_known = %s,"
        " records_broken = %s, records_quarantined = %s, problem = %s where pull_id = %s",
        (
            state,
            counts.records_seen,
            counts.records_new,
            counts.records_known,
            counts.records_broken,
            counts.quarantined,
            problem,
            pull_id,
        ),
    )
