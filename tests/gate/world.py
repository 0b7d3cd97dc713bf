"""A small sound candidate for the gate: every statement holds on it, and none of them for want of rows."""

from datetime import datetime
from typing import Any

import psycopg
from optkeeper import daily
from optkeeper.evidence import logs, tiles
from optkeeper.gate import scope
from optkeeper.warehouse import unpublished

Connection = psycopg.Connection[Any]

AS_OF = "2026-06-01 10:00:00+00"
RUN = "r1"
PERSONAL_DATA = ("jan.jansen@voorbeeld.nl", "Jan", "Jansen", "Jansen Bloemen", "+31612345678")

_TABLES = """
create schema registry;
create schema candidate;
create schema intermediate;
create table registry.sources (
    source text, brand text, party text, vendor text, lead_channel text, double_opt_in boolean, import_only boolean
);
create table registry.lead_channels (lead_channel text, state text, allowed_bases text, required_evidence text);
create table registry.vendors (
    vendor text, role text, agreement_kind text, agreement_from date, agreement_to date, process_ref text,
    process_review_due date
);
create table registry.agreement_kinds (role text, agreement_kind text);
create table registry.role_addresses (local_part text);
create table registry.consent_texts (
    text_version text, brands text, channels text, purposes text, valid_from date, valid_to date, state text
);
create table registry.purposes (purpose text, product_categories text);
create table registry.basis_matrix (
    country text, channel text, recipient_form text, basis text, allowed boolean, valid_from date, valid_to date
);
create table registry.legitimate_interest_assessments (
    lia_ref text, brands text, channels text, purposes text, state text, approved_on date, review_due date
);
create table registry.connectors (source text, max_age_hours integer, max_drop_percent integer);
create table registry.gate_limits (relation text, max_drop_percent integer);
create table registry.policy (
    key text, country text, channel text, value text, valid_from date, valid_to date
);
create table candidate.builds (run_id text, as_of timestamptz, decided_on date, known_at timestamptz);
create table candidate.source_freshness (
    source text, last_pull_at timestamptz, max_age_hours integer, is_stale boolean
);
create table candidate.contacts (contact_id text, country text, recipient_form text);
create table candidate.contact_points (contact_id text, channel text, address text, is_usable boolean);
create table candidate.consent_events (
    event_key text, contact_id text, event_type text, occurred_at timestamptz, received_at timestamptz, source text,
    channel text, purpose text, brand text, text_version text, payload_digest text, record_id bigint, is_superseded boolean not null default false
);
create table intermediate.int_events__received (
    event_key text, record_id bigint, event_type text, source text, event_id text, batch text, lead_channel text,
    received_at timestamptz, email text, phone text, postal text, country text, default_country text, birth_date_text text, method text,
    text_version text, form_url text, ip text, user_agent text, recording_ref text, document_ref text,
    parental_ref text, is_machine boolean, seconds_since_delivery numeric, refers_to_batch text, refers_to_event_id text,
    channel text, purpose text, brand text, order_id text, product_category text, opt_out_offered_at_collection boolean,
    publication_url text, publication_snapshot text, published_purposes text
);
create table intermediate.int_permissions__births (world_id bigint, event_key text, born_on date);
create table intermediate.int_identity__overloaded_keys (key text, kind text, records bigint, most_records integer);
create table candidate.consent_timeline (
    contact_id text, address text, channel text, purpose text, brand text, basis text, status text, reason text,
    valid_from timestamptz, valid_to timestamptz, evidence_id text
);
create table candidate.suppressions (
    contact_id text, channel text, address text, purpose text, brand text, status text, reason text, since timestamptz,
    because_of text
);
create table candidate.decisions (
    contact_id text, address text, channel text, purpose text, brand text, marketable boolean, basis text, status text,
    reason text, evidence_id text, anchored_by text, anchored_on date, expires_on date, decided_on date
);
create view intermediate.int_identity__resolved as
select event_key, split_part(event_key, chr(31), 1) as received_key, contact_id from candidate.consent_events;
create view intermediate.int_timeline__intervals as
select contact_id, valid_from, valid_to from candidate.consent_timeline;
create table candidate.quarantine (quarantine_key text, source text, event_key text, reason text);
create table candidate.marketable_contacts (
    contact_id text, address text, channel text, purpose text, brand text, basis text, status text, evidence_id text,
    evidence_record_id bigint, expires_on date, renewal_due_on date, decided_on date, lia_ref text
);
create table candidate.renewal_due (
    contact_id text, address text, channel text, purpose text, brand text, first_name text, last_name text,
    company text, basis text, evidence_id text, renewal_due_on date, expires_on date, days_left integer,
    lead_channel text, decided_on date, anchored_on date, stage text, asked_on date
);
"""

# web/1 consents in June 2024 and is due; web/2 withdrew, and then consented again.
_ROWS = """
insert into registry.sources values
    ('web', 'noord', 'first_party', null, 'web_form', false, false),
    ('crm', 'noord', 'first_party', null, 'web_form', false, false);
insert into registry.lead_channels values ('web_form', 'cleared', 'consent', 'method|text_version|form_url');
insert into registry.vendors values ('leadco', 'processor', 'art_28', '2023-01-01', null, 'P-1', '2027-06-30');
insert into registry.agreement_kinds values ('processor', 'art_28');
insert into registry.role_addresses values ('info'), ('jan.jansen');
insert into registry.consent_texts values ('v1', 'noord', 'email', 'newsletter', '2018-05-25', null, 'valid');
insert into registry.purposes values ('newsletter', 'software'), ('events', 'training');
insert into registry.connectors values ('crm', 26, 30), ('web', 26, 30);
insert into registry.gate_limits values ('marketable_contacts', 30), ('suppressions', 10);
insert into registry.policy values
    ('inactivity_months', '*', '*', '24', '2018-05-25', null),
    ('renewal_window_days', '*', '*', '60', '2018-05-25', null),
    ('renewal_request_spacing_days', '*', '*', '21', '2018-05-25', null),
    ('clock_skew_minutes', '*', '*', '60', '2018-05-25', null),
    ('minimum_age', '*', '*', '16', '2018-05-25', null),
    ('machine_click_seconds', '*', '*', '5', '2018-05-25', null),
    ('double_opt_in_required', '*', '*', 'false', '2018-05-25', null),
    ('double_opt_in_required', 'DE', 'email', 'true', '2018-05-25', null);
insert into candidate.builds values ('r1', '2026-06-01 10:00+00', '2026-06-01', 'infinity');
insert into candidate.source_freshness values ('crm', now(), 26, false);
insert into candidate.contacts values ('web/1', 'NL', 'natural_person'), ('web/2', 'NL', 'natural_person');
insert into candidate.contact_points values
    ('web/1', 'email', 'jan.jansen@voorbeeld.nl', true),
    ('web/2', 'email', 'piet@voorbeeld.nl', true);
insert into raw.records (source, object, source_id, received_at, digest, payload) values
    ('web', 'canonical.events', '1', '2024-06-20 10:00+00', sha256('{"id":"1"}'), '{"id": "1"}'),
    ('web', 'canonical.events', '2', '2025-03-01 10:00+00', sha256('{"id":"2"}'), '{"id": "2"}'),
    ('web', 'canonical.events', '3', '2025-04-01 10:00+00', sha256('{"id":"3"}'), '{"id": "3"}');
insert into candidate.consent_events
select
    'web/' || given.number, given.contact_id, given.event_type, records.received_at, records.received_at, 'web',
    'email', 'newsletter', 'noord', 'v1', encode(records.digest, 'hex'), records.record_id
from (values
    (1, 'web/1', 'consent_given'), (2, 'web/2', 'consent_withdrawn'), (3, 'web/2', 'consent_given')
) as given (number, contact_id, event_type)
inner join raw.records on records.source_id = cast(given.number as text);
insert into intermediate.int_events__received
    (event_key, record_id, event_type, source, event_id, batch, received_at, email, method, text_version, form_url)
select
    events.event_key, events.record_id, events.event_type, 'web', split_part(events.event_key, '/', 2), 'b1',
    events.received_at, points.address, 'form', events.text_version, 'https://noord.example/aanmelden'
from candidate.consent_events as events
inner join candidate.contact_points as points on points.contact_id = events.contact_id;
insert into candidate.consent_timeline values
    ('web/1', 'jan.jansen@voorbeeld.nl', 'email', 'newsletter', 'noord', 'consent', 'ConsentGiven', 'ok',
     '2024-06-20 10:00+00', '2026-06-20 22:00+00', 'web/1'),
    ('web/2', 'piet@voorbeeld.nl', 'email', 'newsletter', 'noord', 'consent', 'ConsentWithdrawn', 'withdrawn',
     '2025-03-01 10:00+00', '2025-04-01 10:00+00', null),
    ('web/2', 'piet@voorbeeld.nl', 'email', 'newsletter', 'noord', 'consent', 'ConsentGiven', 'ok',
     '2025-04-01 10:00+00', '2027-04-01 22:00+00', 'web/3');
insert into candidate.suppressions values
    ('web/2', 'email', 'piet@voorbeeld.nl', 'events', 'noord', 'ConsentWithdrawn', 'withdrawn', '2025-03-01 10:00+00',
     'web/2');
insert into candidate.quarantine values ('event/leadco/9', 'leadco', 'leadco/9', 'vendor_not_covered');
insert into candidate.marketable_contacts
select
    point.contact_id, point.address, 'email', 'newsletter', 'noord', 'consent', 'ConsentGiven', events.event_key,
    events.record_id, events.occurred_at::date + interval '24 months',
    cast(events.occurred_at::date + interval '24 months' as date) - 60, '2026-06-01'
from candidate.consent_events as events
inner join candidate.contact_points as point on point.contact_id = events.contact_id
where events.event_type = 'consent_given';
insert into candidate.decisions
select
    listed.contact_id, listed.address, listed.channel, listed.purpose, listed.brand, true, listed.basis, listed.status, 'ok',
    listed.evidence_id, listed.evidence_id, cast(events.occurred_at at time zone 'Europe/Amsterdam' as date),
    listed.expires_on, listed.decided_on
from candidate.marketable_contacts as listed
inner join candidate.consent_events as events on events.event_key = listed.evidence_id;
insert into candidate.decisions
select
    contact_id, address, channel, purpose, brand, false, null, status, reason, null, null, null, null, '2026-06-01'
from candidate.suppressions;
insert into candidate.renewal_due
select
    contact_id, address, channel, purpose, brand, 'Jan', 'Jansen', 'Jansen Bloemen', basis, evidence_id,
    renewal_due_on, expires_on, expires_on - decided_on, 'web_form', decided_on,
    cast(expires_on - interval '24 months' as date), 'new'
from candidate.marketable_contacts
where decided_on between renewal_due_on and expires_on;
insert into raw.pulls
    (source, started_at, finished_at, state, records_seen, records_new, records_known, records_broken)
values ('crm', now() - interval '2 hours', now() - interval '1 hour', 'complete', 10, 7, 2, 1);
insert into raw.files (source, digest, name, size, batch, received_at, records) values
    ('web', 'a', 'a.csv', 9, 'a', now() - interval '3 hours', 90),
    ('web', 'b', 'b.csv', 9, 'b', now() - interval '2 hours', 100);
insert into raw.populations values ('crm', 'hubspot.contacts', now() - interval '90 minutes', 1000);
"""


def build(connection: Connection) -> None:
    """Puts the candidate and the registries that the gate reads into an empty warehouse, as the pipeline would."""
    connection.execute("set role pipeline")
    connection.execute(_TABLES.encode())
    connection.execute(_ROWS.encode())
    connection.execute("reset role")
    seal(connection)
    for table in ("records", "files", "populations"):
        # the statements look at what a superuser could do, whom no trigger stops
        connection.execute(f"alter table raw.{table} disable trigger refuse_change".encode())


def seal(connection: Connection) -> None:
    """Makes a leaf of every record, as they stand now."""
    connection.execute("delete from evidence.tiles where log = %s", (logs.RECORDS.name,))
    growing = tiles.Growing()
    with connection.transaction():
        for numbers, hashes in list(logs.leaves(connection, logs.RECORDS, 0, logs.LAST)):
            tiles.write(connection, logs.RECORDS.name, growing.add(hashes, numbers))
        tiles.write(connection, logs.RECORDS.name, growing.rest())


def decided_for() -> datetime:
    """The business moment of the candidate."""
    return datetime.fromisoformat(AS_OF)


# shop/1 is a customer, called is a company that was told, and published a firm that made its address known.
_OTHER_BASES = """
insert into registry.sources values
    ('shop', 'noord', 'first_party', null, 'counter', false, false),
    ('leadlist', 'noord', 'vendor', 'leadco', 'counter', false, false);
insert into registry.lead_channels values
    ('counter', 'cleared', 'consent|soft_opt_in|legitimate_interest|published_address', 'method');
insert into registry.policy values ('art14_months', '*', '*', '1', '2018-05-25', null);
insert into registry.basis_matrix values
    ('*', 'email', '*', 'soft_opt_in', true, '2018-05-25', null),
    ('NL', 'phone', 'legal_entity', 'legitimate_interest', true, '2018-05-25', null),
    ('NL', 'email', 'legal_entity', 'published_address', true, '2018-05-25', null);
insert into registry.legitimate_interest_assessments values
    ('LIA-1', 'noord', 'phone', 'newsletter|events', 'approved', '2024-01-15', '2027-01-15');
insert into candidate.contacts values
    ('customer', 'NL', 'natural_person'), ('called', 'NL', 'legal_entity'), ('published', 'NL', 'legal_entity');
insert into candidate.contact_points values
    ('customer', 'email', 'klant@voorbeeld.nl', true),
    ('called', 'phone', '+31201234567', true),
    ('published', 'email', 'info@firma.example', true);
insert into raw.records (source, object, source_id, received_at, digest, payload) values
    ('shop', 'canonical.events', 's1', '2025-01-10 10:00+00', sha256('{"id":"s1"}'), '{"id": "s1"}'),
    ('shop', 'canonical.events', 's2', '2025-01-10 10:00+00', sha256('{"id":"s2"}'), '{"id": "s2"}'),
    ('shop', 'canonical.events', 's3', '2025-02-10 10:00+00', sha256('{"id":"s3"}'), '{"id": "s3"}'),
    ('shop', 'canonical.events', 's4', '2025-01-10 10:00+00', sha256('{"id":"s4"}'), '{"id": "s4"}');
insert into candidate.consent_events
select
    'shop/' || given.id, given.contact_id, given.event_type, records.received_at, records.received_at, 'shop',
    null, null, null, null, encode(records.digest, 'hex'), records.record_id
from (values
    ('s1', 'customer', 'sale_completed'), ('s2', 'called', 'contact_upserted'), ('s3', 'called', 'notice_given'),
    ('s4', 'published', 'address_published')
) as given (id, contact_id, event_type)
inner join raw.records on records.source_id = given.id;
insert into intermediate.int_events__received (
    event_key, record_id, event_type, source, event_id, batch, received_at, email, phone, order_id, product_category,
    opt_out_offered_at_collection, publication_url, publication_snapshot, published_purposes
)
select
    events.event_key, events.record_id, events.event_type, 'shop', split_part(events.event_key, '/', 2), 'b9',
    events.received_at,
    case when points.channel = 'email' then points.address end, case when points.channel = 'phone' then points.address end,
    'SO-1', 'software', true, 'https://firma.example/contact', 'SNAP-1', 'product_news|newsletter'
from candidate.consent_events as events
inner join candidate.contact_points as points on points.contact_id = events.contact_id
where events.source = 'shop';
insert into candidate.consent_timeline
select points.contact_id, points.address, points.channel, 'newsletter', 'noord', bases.basis, bases.status, 'ok',
    '2025-01-10 10:00+00', '2027-01-10 23:00+00', bases.evidence_id
from candidate.contact_points as points
inner join (values
    ('customer', 'soft_opt_in', 'SoftOptInActive', 'shop/s1'),
    ('called', 'legitimate_interest', 'LegitimateInterestInformed', 'shop/s3'),
    ('published', 'published_address', 'PublishedAddressActive', 'shop/s4')
) as bases (contact_id, basis, status, evidence_id) on bases.contact_id = points.contact_id;
insert into candidate.marketable_contacts
select
    timeline.contact_id, timeline.address, timeline.channel, 'newsletter', 'noord', timeline.basis, timeline.status,
    events.event_key, events.record_id, '2027-01-10', cast('2027-01-10' as date) - 60, '2026-06-01',
    case when timeline.basis = 'legitimate_interest' then 'LIA-1' end
from candidate.consent_timeline as timeline
inner join candidate.consent_events as events on events.event_key = timeline.evidence_id
where events.source = 'shop';
insert into candidate.decisions
select
    contact_id, address, channel, purpose, brand, true, basis, status, 'ok', evidence_id,
    case basis when 'legitimate_interest' then 'shop/s2' else evidence_id end, '2025-01-10', expires_on, decided_on
from candidate.marketable_contacts
where evidence_id like 'shop/%';
"""


def build_other_bases(connection: Connection) -> None:
    """Puts a soft opt-in, a legitimate interest and a published address beside the consents, all of them sound."""
    connection.execute(_OTHER_BASES.encode())
    seal(connection)


PUBLISHED_RUN = "r0"
PUBLISHED_FOR = "2026-05-31 10:00:00+00"


def publish_all_but(connection: Connection, *contacts: str) -> None:
    """Notes that all is published by a run that the gate passed a day before, but what was replaced of these contacts."""
    daily.ensure(connection)
    connection.execute("create schema published; create schema marts")
    for name in unpublished.tables(connection):
        connection.execute(f"create table published.{name} (like candidate.{name})".encode())
    connection.execute("create table marts.publications (run_id text, published_at timestamptz)")
    connection.execute("insert into marts.publications values (%s, now())", (PUBLISHED_RUN,))
    connection.execute("insert into intermediate.unpublished_since (run_id) values (%s)", (PUBLISHED_RUN,))
    connection.execute("insert into intermediate.unpublished_contacts select unnest(%s::text[])", (list(contacts),))
    connection.execute(
        "insert into gate.runs (run_id, as_of, decided_on, started_at, records_after, records_through, passed,"
        " statements_version) values (%s, %s, '2026-05-31', now() - interval '1 day', 0,"
        " (select max(record_id) from raw.records), true, %s)",
        (PUBLISHED_RUN, PUBLISHED_FOR, scope.statements_version()),
    )
    connection.execute(
        "update gate.runs set records_after = greatest((select max(record_id) from raw.records),"
        " (select max(record_id) from candidate.consent_events)) where run_id = %s",
        (RUN,),
    )
