"""The schema `gate`: a run begun and closed, its results, and the volumes that were accepted."""

import json
from datetime import datetime
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from optkeeper import daily, settings
from optkeeper.gate import scope
from optkeeper.gate.report import GateReport, in_words
from optkeeper.warehouse import statistics
from optkeeper.warehouse.stamp import stamp
from optkeeper.warehouse.unpublished import CANDIDATE

MARTS = "marts"
_SHRINKING = ("NoSourceShrankMoreThanItsRegistryRowAllows", "NoMartShrankMoreThanItsLimitAllows")


def ensure_gate(connection: psycopg.Connection[Any]) -> None:
    """Creates what is missing of the `gate` schema; safe to run at any time, also by two at once."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('optkeeper.gate'))")
        connection.execute(files("optkeeper.gate").joinpath("schema.sql").read_text().encode())


def begin(connection: psycopg.Connection[Any], run_id: str, as_of: datetime) -> datetime:
    """Opens a run and forgets what an earlier attempt at it found; answers when it began.

    What stands in the candidate marts now is stamped before it is judged: what is put in between is not published. An
    attempt that breaks off therefore never leaves the pass of an earlier one standing.
    """
    statistics.refresh(connection, CANDIDATE)
    candidate_stamp = stamp(connection)
    with connection.transaction():
        connection.execute("delete from gate.runs where run_id = %s", (run_id,))
        # From the number up to which the build of the last run that passed knew all records, and not from the newest at
        # its judgement: between them may stand what that build did not know, or what was yet to be committed.
        row = connection.execute(
            "insert into gate.runs (run_id, as_of, decided_on, started_at, records_after, records_through,"
            " records_known, candidate_stamp, statements_version)"
            " values (%(run_id)s, %(as_of)s, cast(%(as_of)s at time zone %(zone)s as date), clock_timestamp(),"
            " coalesce((select records_known from gate.runs where passed order by started_at desc limit 1), 0),"
            " coalesce((select max(record_id) from raw.records), 0), %(known)s, %(stamp)s, %(version)s)"
            " returning started_at",
            {
                "run_id": run_id,
                "as_of": as_of,
                "zone": settings.BUSINESS_TIME_ZONE.key,
                "known": daily.known_through(connection),
                "stamp": candidate_stamp,
                "version": scope.statements_version(),
            },
        ).fetchone()
        assert row is not None
        _measure_marts(connection, run_id)
    started_at: datetime = row[0]
    return started_at


def close(connection: psycopg.Connection[Any], report: GateReport) -> None:
    """Keeps what a run found; where it passed, its volumes become what the next run is compared with."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into gate.results"
            " (run_id, rule, relation, severity, passed, violations, sample, problem, checked_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    report.run_id,
                    result.rule,
                    result.relation,
                    result.severity,
                    result.passed,
                    result.violations,
                    json.dumps([dict(row) for row in result.sample]),
                    result.problem,
                    report.checked_at,
                )
                for result in report.results
            ],
        )
        cursor.execute(
            "update gate.runs set finished_at = clock_timestamp(), passed = %s where run_id = %s",
            (report.passed, report.run_id),
        )
        if report.passed:
            _accept_sources(connection, run_id=report.run_id)


def accept_volume(connection: psycopg.Connection[Any], source: str, person: str) -> int:
    """Accepts, once, that a source or a mart holds less than before; answers how many counts were accepted.

    What it holds now is what the next run is compared with, so that a further drop stops the gate again.

    Args:
        source: a source that counts what it holds, or a watched mart as `marts.NAME`.
        person: who answers for it.

    Raises:
        ValueError: nobody is named.
        LookupError: the source never counted anything, or the mart is not watched or not there.
    """
    if not person.strip():
        raise ValueError("a drop is accepted by a person; name one")
    ensure_gate(connection)
    with connection.transaction():
        if not source.startswith(f"{MARTS}."):
            accepted = _accept_sources(connection, source=source, person=person.strip())
            if not accepted:
                raise LookupError(f"source {source!r} never counted what it holds")
            return accepted
        relation = source.removeprefix(f"{MARTS}.")
        if not _exists(connection, "registry", "gate_limits") or not _exists(connection, "candidate", relation):
            raise LookupError(f"{source!r} is no mart that the gate watches")
        row = connection.execute(
            sql.SQL(
                "insert into gate.accepted_volumes (source, object, total, accepted_at, accepted_by)"
                " select 'marts', limits.relation, (select count(*) from {}), clock_timestamp(), %s"
                " from registry.gate_limits as limits where limits.relation = %s"
            ).format(sql.Identifier("candidate", relation)),
            (person.strip(), relation),
        )
        if row.rowcount == 0:
            raise LookupError(f"{source!r} is no mart that the gate watches")
        return row.rowcount


def shrunk(connection: psycopg.Connection[Any], run_id: str | None) -> dict[str, str]:
    """What keeps the gate closed in a run, or in the last one, because it shrank; each with its numbers in words."""
    rows = connection.execute(
        "select results.rule, results.sample from gate.results"
        " where not results.passed and results.rule = any(%(rules)s)"
        " and results.run_id = coalesce(%(run_id)s, (select run_id from gate.runs order by started_at desc limit 1))"
        " order by results.rule",
        {"rules": list(_SHRINKING), "run_id": run_id},
    ).fetchall()
    found: dict[str, list[str]] = {}
    for rule, sample in rows:
        for row in sample:
            name = row["source"] if "source" in row else f"{MARTS}.{row['relation']}"
            found.setdefault(name, []).append(f"{rule}: {in_words(row)}")
    return {name: "\n".join(told) for name, told in found.items()}


def _accept_sources(
    connection: psycopg.Connection[Any],
    *,
    run_id: str | None = None,
    source: str | None = None,
    person: str | None = None,
) -> int:
    """A run accepts what it saw, a person what there is now; a count that a run accepted before is not repeated."""
    return connection.execute(
        "insert into gate.accepted_volumes (source, object, total, accepted_at, run_id, accepted_by)"
        " select latest.source, latest.object, latest.total, clock_timestamp(), %(run_id)s, %(person)s"
        " from (select distinct on (source, object) source, object, total from raw.populations"
        "  where (%(source)s::text is null or source = %(source)s)"
        "  and (%(run_id)s::text is null or counted_at <= (select started_at from gate.runs where run_id = %(run_id)s))"
        "  order by source, object, counted_at desc) as latest"
        " left join lateral (select total from gate.accepted_volumes as known"
        "  where known.source = latest.source and known.object = latest.object"
        "  order by known.accepted_id desc limit 1) as accepted on true"
        " where %(person)s::text is not null or accepted.total is distinct from latest.total",
        {"run_id": run_id, "source": source, "person": person},
    ).rowcount


def _measure_marts(connection: psycopg.Connection[Any], run_id: str) -> None:
    if not _exists(connection, "registry", "gate_limits"):
        return  # the statement about marts cannot be evaluated then, which stops the run
    published_at = None
    if _exists(connection, "marts", "publications"):
        published = connection.execute("select max(published_at) from marts.publications").fetchone()
        published_at = None if published is None else published[0]
    watched = connection.execute("select relation from registry.gate_limits order by relation").fetchall()
    for (relation,) in watched:
        connection.execute(
            "insert into gate.mart_volumes values (%s, %s, %s, %s, %s)",
            (
                run_id,
                relation,
                _count(connection, "candidate", relation),
                _count(connection, "marts", relation),
                published_at,
            ),
        )


def _exists(connection: psycopg.Connection[Any], schema: str, relation: str) -> bool:
    row = connection.execute(
        "select 1 from information_schema.tables where table_schema = %s and table_name = %s", (schema, relation)
    ).fetchone()
    return row is not None


def _count(connection: psycopg.Connection[Any], schema: str, relation: str) -> int | None:
    if not _exists(connection, schema, relation):
        return None
    row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, relation))).fetchone()
    return None if row is None else int(row[0])
