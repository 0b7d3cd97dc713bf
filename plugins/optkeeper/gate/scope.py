"""Whom a run must judge: the contacts that changed since the publication; the rest was judged when it was published.

What a publication can write of a contact's own marts is what daily builds replaced since the last one, so these
contacts are judged again, and whom the gate itself finds concerned: by an event that came since, theirs, one that
names their address or one that recalls what they rest on, or by a boundary of the timeline that has passed.
Restrictions that name an address of theirs are read beside them, whosever they are. Everybody is judged where that
does not suffice.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from optkeeper import settings
from optkeeper.warehouse import unpublished

log = logging.getLogger(__name__)

# an address without its plus-tag (R34); the many that have none are seen to have none by a look
_UNTAGGED = r"regexp_replace({address}, '^([^+@]+)\+[^@]*@', '\1@')"
_BASE = "case when {address} like '_%%+%%@%%' then " + _UNTAGGED + " else {address} end"
_BY_ADDRESS = "('consent_withdrawn', 'consent_refused', 'objection_raised', 'contact_deceased', 'erasure_requested')"
_COPIES = f"""
create schema changed;
create unlogged table changed.received_since as
select event_key, event_type, source, refers_to_batch, refers_to_event_id, email, phone, postal
from intermediate.int_events__received
where record_id > %(after)s;
analyze changed.received_since;

create unlogged table changed.named_since as
select {_BASE.format(address="email")} as address from changed.received_since where email is not null
union
select phone from changed.received_since where phone is not null
union
select postal from changed.received_since where postal is not null;
analyze changed.named_since;

create unlogged table changed.told_since as
with recalls as (
    select source, refers_to_batch, refers_to_event_id from changed.received_since
    where event_type = 'consent_revoked'
)

select event_key from changed.received_since
union
select received.event_key from intermediate.int_events__received as received
inner join recalls on recalls.source = received.source and recalls.refers_to_batch = received.batch
union
select received.event_key from intermediate.int_events__received as received
inner join recalls on received.event_key = recalls.source || '/' || recalls.refers_to_event_id;
analyze changed.told_since;

create unlogged table changed.scope as
select contact_id from intermediate.unpublished_contacts
union
select events.contact_id
from changed.told_since as told
inner join intermediate.int_identity__resolved as resolved on resolved.received_key = told.event_key
inner join candidate.consent_events as events on events.event_key = resolved.event_key
union
select contact_id from intermediate.int_timeline__intervals where valid_from > %(before)s and valid_from <= %(as_of)s
union
select contact_id from intermediate.int_timeline__intervals where valid_to > %(before)s and valid_to <= %(as_of)s
union
select contact_id from candidate.marketable_contacts
where
    exists (select from changed.named_since)
    and {_BASE.format(address="address")} in (select address from changed.named_since);
analyze changed.scope;

create unlogged table changed.contacts as
select * from candidate.contacts where contact_id = any(array(select contact_id from changed.scope));
create unlogged table changed.contact_points as
select * from candidate.contact_points where contact_id = any(array(select contact_id from changed.scope));
create unlogged table changed.decisions as
select * from candidate.decisions where contact_id = any(array(select contact_id from changed.scope));
create unlogged table changed.marketable_contacts as
select * from candidate.marketable_contacts where contact_id = any(array(select contact_id from changed.scope));
create unlogged table changed.suppressions as
select * from candidate.suppressions where contact_id = any(array(select contact_id from changed.scope));
create unlogged table changed.consent_timeline as
select * from candidate.consent_timeline where contact_id = any(array(select contact_id from changed.scope));
analyze changed.contacts, changed.contact_points, changed.decisions, changed.marketable_contacts, changed.suppressions,
    changed.consent_timeline;

create unlogged table changed.addresses as
select distinct {_BASE.format(address="address")} as address from changed.marketable_contacts;
analyze changed.addresses;

create unlogged table changed.naming as
select resolved.event_key
from intermediate.int_events__received as received
inner join intermediate.int_identity__resolved as resolved on resolved.received_key = received.event_key
where
    exists (select from changed.addresses) -- or else none is read
    and received.event_type in {_BY_ADDRESS} -- few of many, which an index has
    and (
        {_BASE.format(address="received.email")} in (select address from changed.addresses)
        or received.phone in (select address from changed.addresses)
        or received.postal in (select address from changed.addresses)
    );
analyze changed.naming;

create unlogged table changed.read as
select events.event_key from candidate.consent_events as events
inner join changed.scope on scope.contact_id = events.contact_id
union
select evidence_id from changed.marketable_contacts where evidence_id is not null
union
select anchored_by from changed.decisions where anchored_by is not null
union
select event_key from changed.naming
union
select resolved.event_key
from intermediate.int_events__received as received
inner join intermediate.int_identity__resolved as resolved on resolved.received_key = received.event_key
where received.event_type = 'consent_revoked';
analyze changed.read;

create unlogged table changed.consent_events as
select * from candidate.consent_events where event_key = any(array(select event_key from changed.read));
analyze changed.consent_events;

create unlogged table changed.int_events__received as
select received.* from intermediate.int_events__received as received
where received.event_key = any(array(select split_part(event_key, chr(31), 1) from changed.consent_events));
create unlogged table changed.records as
select record_id, digest from raw.records
where record_id = any(array(select evidence_record_id from changed.marketable_contacts));
analyze changed.int_events__received, changed.records;
"""


def statements_version() -> str:
    """The digest of the statements and of what evaluates them: what another version judged is judged again."""
    summed = hashlib.sha256()
    for folder in (settings.CHECKOUT / "expectations", Path(__file__).parent):
        for path in sorted(folder.glob("*.py")):
            summed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return summed.hexdigest()[:12]


@contextmanager
def changed(connection: psycopg.Connection[Any], run_id: str) -> Iterator[int | None]:
    """Holds, in the schema `changed`, the rows of the contacts that a run must judge; how many contacts, or None: all.

    The copies are gone afterwards; what a killed run left is taken away by the next.
    """
    connection.execute("drop schema if exists changed cascade")
    reason, before = _reason_for_all(connection, run_id)
    if reason is not None:
        log.info("all contacts are judged: %s", reason)
        contacts = None
    else:
        contacts = _copy(connection, run_id, before)
        log.info("%d contacts are judged, which changed since the publication", contacts)
    connection.execute("update gate.runs set contacts_judged = %s where run_id = %s", (contacts, run_id))
    try:
        yield contacts
    finally:
        connection.execute("drop schema if exists changed cascade")


def _copy(connection: psycopg.Connection[Any], run_id: str, before: datetime | None) -> int:
    after, as_of = _one(connection, "select records_after, as_of from gate.runs where run_id = %s", run_id)
    with connection.transaction():
        # by contact, a few out of many: the one place of the gate where an index is walked
        connection.execute("set local enable_nestloop = on")
        # and what it finds is fetched all at once by its places on disk, not one by one
        connection.execute("set local enable_indexscan = off")
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(_COPIES.encode(), {"after": after, "before": before, "as_of": as_of})
    (contacts,) = _one(connection, "select count(*) from changed.scope")
    return int(contacts)


def _reason_for_all(connection: psycopg.Connection[Any], run_id: str) -> tuple[str | None, datetime | None]:
    """Why everybody must be judged, or nothing and the business moment of what is published."""
    if not unpublished.conditions(connection):
        return "what is published may differ from the candidate in any row", None
    judged = connection.execute(
        "select passed, statements_version, as_of from gate.runs where run_id = %s",
        (unpublished.last_publication(connection),),
    ).fetchone()
    version, as_of = _one(connection, "select statements_version, as_of from gate.runs where run_id = %s", run_id)
    if judged is None or judged[0] is not True:
        return "the gate is not known to have passed what is published", None
    if judged[1] != version:
        return "the statements have changed", None
    if judged[2] > as_of:
        return "the business moment lies before that of what is published", None
    return None, judged[2]


def _one(connection: psycopg.Connection[Any], query: str, *values: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return tuple(row)
