"""What is known of a person, read from the build that stands, or from worlds built for the person's addresses.

Every decision, status and reason comes from the models; here rows are only read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from optkeeper.proof.person import Person
from optkeeper.proof.withheld import Own
from optkeeper.status import decisions
from optkeeper.status.decisions import Scope, Standing
from optkeeper.warehouse import database

Row = dict[str, Any]

# what a record of an event itself says
_SAID: LiteralString = """
    events.event_key, events.record_id, events.event_type, events.source, events.received_at, events.channel,
    events.purpose, events.brand, events.batch, events.email, events.phone, events.postal, events.first_name,
    events.last_name, events.company, events.country, events.recipient_form, events.birth_date_text, events.method,
    events.text_version, events.form_url, events.ip, events.user_agent, events.recording_ref, events.document_ref,
    events.parental_ref, events.order_id, events.product_category, events.opt_out_offered_at_collection,
    events.notice_version, events.publication_url, events.publication_snapshot, events.published_purposes,
    events.bounce, events.link, events.is_machine, events.seconds_since_delivery, events.refers_to_event_id,
    events.refers_to_batch, events.refers_to_source, events.refers_to_source_contact_id"""
_EVENTS: LiteralString = f"""
select distinct on (events.event_key)
    {_SAID},
    events.occurred_at, events.effective_at, coalesce(events.lead_channel, events.declared_channel) as lead_channel,
    events.is_activity, events.quarantine_reason, events.is_superseded
from {{intermediate}}.int_events__judged as events
inner join {{intermediate}}.int_identity__resolved as resolved using (world_id, event_key)
inner join {{questions}} as questions on questions.question_id = events.world_id
where questions.known_at = %(known_at)s and {{which}}
order by events.event_key
"""  # noqa: S608  # constants
# the events that others stand for in the build, which are told alike: as those are, but for what is their own
_TOLD_ALIKE: LiteralString = f"""
select distinct on (events.event_key)
    {_SAID},
    events.stated_at as occurred_at, events.stated_at as effective_at,
    coalesce(known.lead_channel, known.declared_channel) as lead_channel,
    known.is_activity, known.quarantine_reason, known.is_superseded
from {{intermediate}}.int_events__judged as known
inner join {{intermediate}}.int_identity__resolved as resolved using (world_id, event_key)
inner join {{intermediate}}.int_events__received as events on events.told_alike = known.told_alike
where
    resolved.contact_id = %(contact_id)s and events.received_at <= %(known_at)s
    and not exists (select from {{intermediate}}.int_events__judged as told where told.event_key = events.event_key)
    and not exists (
        select from {{intermediate}}.int_events__received as newer
        where
            newer.event_key = events.event_key and newer.received_at <= %(known_at)s
            and (newer.received_at, newer.record_id) > (events.received_at, events.record_id)
    )
order by events.event_key
"""  # noqa: S608  # constants
_OF_THE_CONTACT: LiteralString = "resolved.contact_id = %(contact_id)s"
# what bears on the person's permissions and names nobody: a vendor's recall of a delivery (R32), of whatever record
_BEARING: LiteralString = """events.event_key = any(%(bearing)s)
    and events.email is null and events.phone is null and events.postal is null and events.source_contact_id is null"""
_RECALLS = """
select distinct recalled.revoked_by
from {intermediate}.int_permissions__recalled as recalled
inner join {questions} as questions on questions.question_id = recalled.world_id
where recalled.event_key = any(%(events)s) and questions.known_at = %(known_at)s
"""
_OTHERS = """
select distinct resolved.contact_id
from {intermediate}.int_events__judged as events
inner join {intermediate}.int_identity__resolved as resolved using (world_id, event_key)
where events.source || '/' || events.source_contact_id = any(%(named)s)
"""
_DECISIONS = """
select distinct
    decided.contact_id, decided.channel, decided.address, decided.purpose, decided.brand,
    decided.is_marketable as marketable, decided.basis, decided.status, decided.reason, decided.since, decided.until,
    decided.evidence_id, decided.granted_by, decided.anchored_by, decided.because_of, decided.expires_on,
    decided.renewal_due_on
from {intermediate}.int_decisions__per_contact as decided
inner join {questions} as questions
    on questions.question_id = decided.world_id and coalesce(questions.channel, decided.channel) = decided.channel
    and coalesce(questions.address, decided.address) = decided.address
    and coalesce(questions.purpose, decided.purpose) = decided.purpose
    and coalesce(questions.brand, decided.brand) = decided.brand
where
    questions.as_of = %(as_of)s and questions.known_at = %(known_at)s
    and decided.contact_id in (
        select resolved.contact_id from {intermediate}.int_identity__resolved as resolved
        where resolved.world_id = decided.world_id and resolved.event_key = any(%(events)s)
    )
order by decided.brand, decided.channel, decided.address, decided.purpose
"""
_INTERVALS = """
select distinct
    intervals.channel, intervals.address, intervals.purpose, intervals.brand, intervals.basis, intervals.status,
    intervals.reason, intervals.valid_from, nullif(intervals.valid_to, 'infinity') as valid_to, intervals.evidence_id,
    intervals.stands_by as because_of
from {intermediate}.int_timeline__intervals as intervals
inner join {questions} as questions on questions.question_id = intervals.world_id
where intervals.contact_id = %(contact_id)s and questions.known_at = %(known_at)s
order by
    intervals.brand, intervals.channel, intervals.address, intervals.purpose, intervals.basis, intervals.valid_from
"""
_ASSESSED = """
select distinct
    consents.event_key, consents.channel, consents.address, consents.purpose, consents.brand, consents.defect,
    consents.lacking, consents.needs_confirmation, consents.confirmable_until, consents.revoked_at
from {intermediate}.int_permissions__consents as consents
inner join {questions} as questions on questions.question_id = consents.world_id
where consents.contact_id = %(contact_id)s and questions.known_at = %(known_at)s
order by consents.event_key, consents.brand, consents.channel, consents.address, consents.purpose
"""
_ATTRIBUTES = """
select distinct
    attributes.country, attributes.recipient_form, attributes.first_name, attributes.last_name, attributes.company
from {intermediate}.int_contacts__attributes as attributes
inner join {questions} as questions on questions.question_id = attributes.world_id
where attributes.contact_id = %(contact_id)s and questions.known_at = %(known_at)s
"""
_SOURCES = """
select source, kind, party, vendor, lead_channel, brand, double_opt_in, import_only from registry.sources
where source = any(%(sources)s) order by source
"""
_VENDORS = """
select vendor, name, role, agreement_kind, agreement_ref, agreement_from, agreement_to, process_ref, process_review_due
from registry.vendors where vendor = any(%(vendors)s) order by vendor, agreement_from
"""
_LEAD_CHANNELS = """
select lead_channel, owner, department, state, allowed_bases, required_evidence from registry.lead_channels
where lead_channel = any(%(lead_channels)s) order by lead_channel
"""
_TEXTS = """
select text_version, brands, channels, purposes, language, valid_from, valid_to, state, text from registry.consent_texts
where text_version = any(%(texts)s) order by text_version, valid_from
"""


# the build that stands, in the place of a question for every scope
_THE_BUILD = """(
    select
        cast(0 as bigint) as question_id, as_of, known_at, cast(null as text) as channel, cast(null as text) as address,
        cast(null as text) as purpose, cast(null as text) as brand
    from marts.builds
)"""
_REASONS = "select reason from registry.reasons"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a dossier tells of a person; `decisions` are by the moment that they were taken for."""

    events: list[Row]
    decisions: list[tuple[Standing, list[Row]]]
    intervals: list[Row]
    assessed: list[Row]
    attributes: Row | None
    sources: list[Row]
    vendors: list[Row]
    lead_channels: list[Row]
    texts: list[Row]


def gathered(
    connection: psycopg.Connection[Any], person: Person, moments: Sequence[Standing], today: Standing
) -> Facts:
    """What is known of a person today, and what was or is decided at each moment.

    Raises:
        TransformError: the person's worlds could not be built.
    """
    if person.contact_id is None:
        return Facts([], [(moment, []) for moment in moments], [], [], None, [], [], [], [])
    if list(moments) == [today] and decisions.stands(connection):
        return _read(connection, "intermediate", _THE_BUILD, person.contact_id, moments, today.known_at)
    from optkeeper.status.another_world import worlds_of  # loads dbt, which takes seconds

    with worlds_of(connection, database.url(), person.subjects, Scope(), moments) as prefix:
        schema, questions = f"{prefix}intermediate", f"{prefix}evaluation.questions"
        return _read(connection, schema, questions, person.contact_id, moments, today.known_at)


def _read(
    connection: psycopg.Connection[Any],
    schema: str,
    questions: str,
    contact_id: str,
    moments: Sequence[Standing],
    known_at: datetime,
) -> Facts:
    def rows(query: LiteralString, which: LiteralString = "", **values: Any) -> list[Row]:
        placed = query.format(intermediate=schema, questions=questions, which=which)
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(placed.encode(), values).fetchall()

    of_today: dict[str, Any] = {"contact_id": contact_id, "known_at": known_at}
    told = rows(_EVENTS, _OF_THE_CONTACT, **of_today)
    if questions == _THE_BUILD:  # the worlds of questions hold every event
        told += rows(_TOLD_ALIKE, **of_today)
    events = [event for event in told if not _is_about_another(rows, contact_id, event)]
    keys = [event["event_key"] for event in events]
    decided = [
        (moment, rows(_DECISIONS, as_of=moment.as_of, known_at=moment.known_at, events=keys)) for moment in moments
    ]
    because = {row["because_of"] for _, found in decided for row in found if row["because_of"]}
    recalls = {row["revoked_by"] for row in rows(_RECALLS, events=keys, known_at=known_at)}
    bearing = sorted((because | recalls) - set(keys))
    events += rows(_EVENTS, _BEARING, bearing=bearing, known_at=known_at)
    events.sort(key=lambda event: (event["effective_at"] or event["received_at"], event["event_key"]))
    sources = rows(_SOURCES, sources=sorted({event["source"] for event in events}))
    channels = {event["lead_channel"] for event in events} | {source["lead_channel"] for source in sources}
    attributes = rows(_ATTRIBUTES, **of_today)
    own = Own.of(events, {row["reason"] for row in rows(_REASONS)}, rows(_INTERVALS, **of_today))
    return Facts(
        events=events,
        decisions=[(moment, [own.decision(row) for row in found]) for moment, found in decided],
        intervals=own.intervals,
        assessed=rows(_ASSESSED, **of_today),
        attributes=attributes[0] if attributes else None,
        sources=sources,
        vendors=rows(_VENDORS, vendors=sorted(filter(None, {source["vendor"] for source in sources}))),
        lead_channels=rows(_LEAD_CHANNELS, lead_channels=sorted(filter(None, channels))),
        texts=rows(_TEXTS, texts=sorted(filter(None, {event["text_version"] for event in events}))),
    )


def _is_about_another(rows: Any, contact_id: str, event: Row) -> bool:
    """Whether the record names somebody who is another contact today: then it is not this person's to have."""
    if not event["event_type"].startswith("contacts_") or not event["refers_to_source_contact_id"]:
        return False
    named = f"{event['refers_to_source'] or event['source']}/{event['refers_to_source_contact_id']}"
    return any(row["contact_id"] != contact_id for row in rows(_OTHERS, named=[named]))
