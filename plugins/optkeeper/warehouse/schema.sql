-- The schema `raw`: what was received, as it was received, and what landing remembers.
-- Append-only; only lawful erasure removes a row.

create schema if not exists raw;

-- Grain: one distinct content of one source record. The same content again adds nothing.
create table if not exists raw.records (
    record_id bigint generated always as identity primary key,
    source text not null,
    object text not null,           -- connector.object, as hubspot.contacts
    source_id text not null,        -- the record's id within its source
    batch text,                     -- the vendor delivery that brought it
    received_at timestamptz not null,
    digest bytea not null,          -- SHA-256 of the canonical form, see optkeeper.landing.document
    payload jsonb not null,
    unique (source, object, source_id, digest)
);

create index if not exists records_by_object on raw.records (object, record_id);

comment on table raw.records is
    'Every record as received, append-only. Grain: one distinct content of one source record.';

-- Grain: one stream of one source. Committed together with the records before it.
create table if not exists raw.cursors (
    source text not null,
    stream text not null,
    state jsonb not null,
    committed_at timestamptz not null,
    primary key (source, stream)
);

-- Grain: one record that broke its contract, as received.
create table if not exists raw.quarantine (
    quarantine_id bigint generated always as identity primary key,
    source text not null,
    object text not null,
    position text not null,
    reason text not null,
    field text,
    detail text not null,
    batch text,
    received_at timestamptz not null,
    digest bytea not null,          -- SHA-256 of the bytes below
    payload bytea not null,
    unique (source, object, digest, reason)
);

-- Grain: one delivered file that was read to its end.
create table if not exists raw.files (
    source text not null,
    digest bytea not null,          -- SHA-256 of the file's bytes
    name text not null,
    size bigint not null,
    batch text not null,
    received_at timestamptz not null,
    primary key (source, digest)
);

-- Grain: one run of a pull; what freshness and volume are judged by.
create table if not exists raw.pulls (
    pull_id bigint generated always as identity primary key,
    source text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    state text not null check (state in ('running', 'complete', 'failed')),
    records_seen bigint not null default 0,
    records_new bigint not null default 0,
    records_quarantined bigint not null default 0,
    problem text                    -- the error's text, without personal data
);

create index if not exists pulls_by_source on raw.pulls (source, started_at desc);

-- Grain: one count of what a source said it held; what the volume check compares.
create table if not exists raw.populations (
    source text not null,
    object text not null,
    counted_at timestamptz not null,
    total bigint not null,
    primary key (source, object, counted_at)
);

-- Grain: one spelling of an address. Read once, by phonenumbers and idna, when it lands (R34); an
-- e-mail address that is plain ASCII and valid has no row, for it compares by lower(btrim(...)).
-- address is null where the spelling is no address at all.
create table if not exists raw.addresses (
    kind text not null check (kind in ('email', 'phone')),
    raw text not null,
    country text not null,          -- as the record names it; '' where it names none
    address text,
    primary key (kind, raw, country)
);
