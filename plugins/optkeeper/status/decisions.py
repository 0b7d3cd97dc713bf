"""Looks decisions up, in the published marts or in a world that was built for the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from optkeeper.status.subject import Subject


@dataclass(frozen=True, slots=True)
class Scope:
    """Which decisions are asked for; null is every one."""

    channel: str | None = None
    purpose: str | None = None
    brand: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A record that a decision rests on: what it was, when, and under which text."""

    event_id: str
    event_type: str
    occurred_at: datetime | None
    received_at: datetime
    source: str
    text_version: str | None


@dataclass(frozen=True, slots=True)
class Interval:
    """One stretch of the timeline of one contact's basis; `valid_to` is exclusive, null where nothing ends it."""

    contact_id: str
    basis: str
    status: str
    reason: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for one address and scope."""

    channel: str
    address: str
    purpose: str
    brand: str
    is_marketable: bool
    basis: str | None
    status: str
    reason: str
    since: datetime | None
    expires_on: date | None
    renewal_due_on: date | None
    evidence: Event | None
    given_by: Event | None
    anchored_by: Event | None
    because_of: Event | None
    until: datetime | None
    timeline: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decisions were taken for: the moment asked about and what was known."""

    as_of: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Relations:
    """Where decisions, intervals and events are read."""

    decisions: str
    intervals: str
    events: str


PUBLISHED = Relations("marts.address_decisions", "marts.consent_timeline", "marts.consent_events")
_ASKED = Relations("intermediate.address_decisions__asked", PUBLISHED.intervals, PUBLISHED.events)


def standing(connection: psycopg.Connection[Any]) -> Standing | None:
    """What the published marts were decided for; null where nothing was published yet."""
    if connection.execute("select to_regclass('marts.address_decisions')").fetchone() == (None,):
        return None
    row = connection.execute("select as_of, known_at from marts.builds").fetchone()
    return None if row is None else Standing(*row)


def stands(connection: psycopg.Connection[Any]) -> bool:
    """Whether the build that stands before the marts is the one that was published, and can be asked."""
    row = connection.execute(
        "select true from intermediate.completed_builds inner join marts.builds using (run_id)"
        " where to_regclass(%s) is not null",
        (_ASKED.decisions,),
    ).fetchone()
    return row is not None


def asked(connection: psycopg.Connection[Any], subject: Subject, as_of: datetime) -> Relations | None:
    """The published decisions at another moment: the same look-up in the same timeline.

    None where the timeline that stands is another run's than the published one, as after a build that the gate refused.
    """
    if not stands(connection):
        return None
    connection.execute(
        "select set_config('optkeeper.address', %s, false), set_config('optkeeper.as_of', %s, false)",
        (subject.address, as_of.isoformat()),
    )
    return _ASKED


def redirected(connection: psycopg.Connection[Any], contact_id: str) -> tuple[str, datetime] | None:
    """The contact that answers for a retired id, and since when (R36)."""
    row = connection.execute(
        "select redirects_to, since from marts.contact_redirects where contact_id = %s", (contact_id,)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def addresses_of(connection: psycopg.Connection[Any], contact_id: str) -> list[Subject]:
    """The addresses of a contact, one subject for each."""
    rows = connection.execute(
        "select address, array_agg(channel order by channel) from marts.contact_points where contact_id = %s"
        " group by address order by min(channel), address",
        (contact_id,),
    ).fetchall()
    return [Subject(address, tuple(channels)) for address, channels in rows]


def carriers(connection: psycopg.Connection[Any], subject: Subject) -> list[str]:
    """The contacts that carry an address."""
    rows = connection.execute(
        "select distinct contact_id from marts.contact_points where address = %s and channel = any(%s) order by 1",
        (subject.address, list(subject.channels)),
    ).fetchall()
    return [row[0] for row in rows]


def is_role_address(connection: psycopg.Connection[Any], subject: Subject) -> bool:
    """Whether the address is that of a role, as info@ (R19)."""
    row = connection.execute(
        "select coalesce(bool_or(is_role_address), false) from marts.contact_points"
        " where address = %s and channel = any(%s)",
        (subject.address, list(subject.channels)),
    ).fetchone()
    return bool(row and row[0])


def look_up(
    connection: psycopg.Connection[Any], relations: Relations, subject: Subject, scope: Scope
) -> list[Decision]:
    """The decisions for an address in every scope that anything is known about."""
    rows = connection.execute(
        f"""
        select
            channel, address, purpose, brand, is_marketable, basis, status, reason, since, expires_on, renewal_due_on,
            evidence_id, granted_by, anchored_by, because_of, until
        from {relations.decisions} as decisions
        where
            address = %(address)s and channel = any(%(channels)s)
            and (%(channel)s::text is null or channel = %(channel)s)
            and (%(purpose)s::text is null or purpose = %(purpose)s)
            and (%(brand)s::text is null or brand = %(brand)s)
        order by brand, channel, purpose
        """.encode(),
        {
            "address": subject.address, "channels": list(subject.channels),
            "channel": scope.channel, "purpose": scope.purpose, "brand": scope.brand,
        },
    ).fetchall()  # fmt: skip
    timelines = _timelines(connection, relations, subject)
    events = _events(connection, relations, sorted({key for row in rows for key in row[11:15] if key}))
    return [
        Decision(
            channel, address, purpose, brand, is_marketable, basis, status, reason, since, expires_on, renewal_due_on,
            events.get(evidence_id), events.get(granted_by), events.get(anchored_by), events.get(because_of), until,
            tuple(timelines.get((channel, purpose, brand), ())),
        )
        for (
            channel, address, purpose, brand, is_marketable, basis, status, reason, since, expires_on, renewal_due_on,
            evidence_id, granted_by, anchored_by, because_of, until,
        ) in rows
    ]  # fmt: skip


def _timelines(
    connection: psycopg.Connection[Any], relations: Relations, subject: Subject
) -> dict[tuple[str, str, str], list[Interval]]:
    rows = connection.execute(
        f"""
        select distinct channel, purpose, brand, contact_id, basis, status, reason, valid_from, valid_to
        from {relations.intervals} as intervals
        where address = %s and channel = any(%s)
        order by channel, purpose, brand, contact_id, basis, valid_from
        """.encode(),
        (subject.address, list(subject.channels)),
    ).fetchall()
    found: dict[tuple[str, str, str], list[Interval]] = {}
    for channel, purpose, brand, *interval in rows:
        found.setdefault((channel, purpose, brand), []).append(Interval(*interval))
    return found


def _events(connection: psycopg.Connection[Any], relations: Relations, keys: Sequence[str]) -> dict[str, Event]:
    rows = connection.execute(
        f"select distinct event_key, event_type, occurred_at, received_at, source, text_version"
        f" from {relations.events} as events where event_key = any(%s)".encode(),
        (list(keys),),
    ).fetchall()
    return {row[0]: Event(*row) for row in rows}
