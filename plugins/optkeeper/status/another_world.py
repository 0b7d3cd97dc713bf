"""Decisions for another moment or state of knowledge: the models built for one address, beside the standing build.

The received events and the registries of the standing build are read through views; everything from there on is built
anew for the records that are connected with the address, in schemas of its own, which are dropped afterwards.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import psycopg
from psycopg import sql

from optkeeper import daily, settings, transform
from optkeeper.landing import addresses
from optkeeper.status.decisions import Relations, Scope, Standing
from optkeeper.status.subject import Subject

_BUILT = (
    "--select", "+answers", "+int_decisions__per_contact",
    "--exclude", "+int_events__received", "+int_events__addresses_within",
)  # fmt: skip
_SCHEMAS = ("intermediate", "registry", "staging")
_PLACES = 4  # questions that are answered at a time; one more waits
_PLACES_LOCK = 1_869_639_538  # "optr", the class of their locks


@contextmanager
def built_for(
    connection: psycopg.Connection[Any], address: str, subject: Subject, scope: Scope, moment: Standing
) -> Iterator[Relations]:
    """Builds the world of an address as it was known, and says where its decisions are read; raises as `worlds_of`."""
    with worlds_of(connection, address, [subject], scope, [moment]) as prefix:
        yield _relations(connection, prefix)


@contextmanager
def worlds_of(
    connection: psycopg.Connection[Any],
    address: str,
    subjects: Sequence[Subject],
    scope: Scope,
    moments: Sequence[Standing],
) -> Iterator[str]:
    """Builds the worlds of addresses at moments, as it was known then, and gives the prefix of their schemas.

    Args:
        connection: to the warehouse, committing each statement.
        address: the warehouse's address.
        subjects: the addresses asked about.
        scope: which decisions are asked for.
        moments: the moments asked about, and what was known.

    Raises:
        NothingStands: the server has crashed since the last build, whose events are gone.
        TransformError: a model failed.
    """
    if not daily.has_stood(connection):
        raise transform.NothingStands("no build stands since the server crashed: run `optkeeper build` first")
    place = _taken_place(connection)
    prefix = f"asked_{place}_"
    try:
        _drop(connection, prefix)  # a question that was killed has left them, and its lock ended
        _prepare(connection, prefix)
        _ask(connection, prefix, subjects, scope, moments)
        # the folder stays: the project is parsed once for a place, which takes longer than a question
        transform.run(
            ["run", "--no-write-json", *_BUILT],
            address=address, work_folder=settings.home() / "dbt" / f"asked-{place}",
            variables={"questions": True, "schema_prefix": prefix},
        )  # fmt: skip
        yield prefix
    finally:
        _drop(connection, prefix)
        connection.execute("select pg_advisory_unlock(%s, %s)", (_PLACES_LOCK, place))


def _taken_place(connection: psycopg.Connection[Any]) -> int:
    """A place for one question at a time, with schemas and a folder of its own."""
    for place in range(1, _PLACES + 1):
        if connection.execute("select pg_try_advisory_lock(%s, %s)", (_PLACES_LOCK, place)).fetchone() == (True,):
            return place
    connection.execute("select pg_advisory_lock(%s, 1)", (_PLACES_LOCK,))
    return 1


def _drop(connection: psycopg.Connection[Any], prefix: str) -> None:
    for schema in (*_SCHEMAS, "evaluation"):
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(prefix + schema)))


def _prepare(connection: psycopg.Connection[Any], prefix: str) -> None:
    for schema in _SCHEMAS:
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(prefix + schema)))
        relations = connection.execute(
            "select table_name from information_schema.tables where table_schema = %s", (schema,)
        ).fetchall()
        for (name,) in relations:
            connection.execute(
                sql.SQL("create view {} as select * from {}").format(
                    sql.Identifier(prefix + schema, name), sql.Identifier(schema, name)
                )
            )


def _ask(
    connection: psycopg.Connection[Any],
    prefix: str,
    subjects: Sequence[Subject],
    scope: Scope,
    moments: Sequence[Standing],
) -> None:
    """One question for each address, moment and registered scope, as `evaluate` puts them."""
    schema = sql.Identifier(prefix + "evaluation")
    connection.execute(sql.SQL("create schema {}").format(schema))
    connection.execute(
        sql.SQL(
            "create table {}.questions (question_id bigint generated always as identity primary key, channel text,"
            " address text, address_base text, purpose text, brand text, as_of timestamptz, known_at timestamptz)"
        ).format(schema)
    )
    put = sql.SQL(
        "insert into {}.questions (channel, address, address_base, purpose, brand, as_of, known_at)"
        " select channel, %(address)s, %(base)s, purpose, brand, %(as_of)s, %(known_at)s"
        " from unnest(%(channels)s::text[]) as channels (channel)"
        " cross join registry.purposes"
        " cross join (select distinct brand from registry.sources where brand is not null) as brands"
        " where (%(channel)s::text is null or channel = %(channel)s)"
        " and (%(purpose)s::text is null or purpose = %(purpose)s)"
        " and (%(brand)s::text is null or brand = %(brand)s)"
    ).format(schema)
    for subject, moment in product(subjects, moments):
        connection.execute(
            put,
            {
                "address": subject.address, "base": addresses.base(subject.address or ""),
                "channels": list(subject.channels), "channel": scope.channel, "purpose": scope.purpose,
                "brand": scope.brand, "as_of": moment.as_of, "known_at": moment.known_at,
            },
        )  # fmt: skip


def _relations(connection: psycopg.Connection[Any], prefix: str) -> Relations:
    """The answers with their questions, the intervals and the events of the world, as the marts spell them."""
    schema = prefix + "intermediate"
    connection.execute(
        f"""
        create view {schema}.asked_decisions as
        select
            questions.channel, questions.address, questions.purpose, questions.brand,
            answers.marketable as is_marketable, answers.basis, answers.status, answers.reason, answers.since,
            answers.until, answers.expires_on, answers.renewal_due_on, answers.evidence_id, answers.granted_by,
            answers.anchored_by, answers.because_of
        from {schema}.answers
        inner join {prefix}evaluation.questions using (question_id)
        -- a scope of which nothing is known is no decision of its own
        where exists (
            select from {schema}.int_decisions__considered as considered
            where considered.world_id = questions.question_id and considered.address = questions.address
                and (considered.channel, considered.purpose, considered.brand)
                = (questions.channel, questions.purpose, questions.brand)
        );
        create view {schema}.asked_intervals as
        select
            channel, address, purpose, brand, contact_id, basis, status, reason, valid_from,
            nullif(valid_to, 'infinity') as valid_to
        from {schema}.int_timeline__intervals;
        """.encode()
    )
    return Relations(f"{schema}.asked_decisions", f"{schema}.asked_intervals", f"{schema}.int_events__judged")
