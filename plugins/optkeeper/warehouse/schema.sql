-- The schema `raw`: what was received, as it was received, and what landing remembers.
-- Append-only; only lawful erasure removes a row.

create schema if not exists raw;

-- The clock of receipt, one row: a moment is taken from it last in a storing transaction, which then holds the row
-- until it ends. So a build that takes its `known_at` here waits for whoever has stamped and not committed, and what is
-- stamped afterwards is later, even if the machine's clock was set back (R8).
create table if not exists raw.receipt_clock (
    only_row boolean primary key default true check (only_row),
    last_at timestamptz not null
);
insert into raw.receipt_clock (last_at) values ('-infinity') on conflict do nothing;

-- Grain: one version of one source record. The same content as the version that stands adds nothing; going back to
-- older content is a new version, so the number of the record, and not its content, is the key (R9).
create table if not exists raw.records (
    record_id bigint generated always as identity primary key,
    source text not null,
    object text not null,           -- connector.object, as hubspot.contacts
    source_id text not null,        -- the record's id within its source
    batch text,                     -- the vendor delivery that brought it
    received_at timestamptz not null,
    digest bytea not null,          -- SHA-256 of the canonical form, see optkeeper.landing.document
    payload jsonb not null,
    broken_reason text,             -- why it permits nothing: it broke its contract, and stands in quarantine as received
    is_excerpt boolean not null default false, -- payload is a canonical event: what could be read of a broken record
    salt uuid not null default gen_random_uuid()  -- what its sealed leaf is salted with; goes with it when it is erased
);

-- what an older installation lacks
do $$
begin
    if exists (select from pg_constraint where conname = 'records_source_object_source_id_digest_key') then
        alter table raw.records drop constraint records_source_object_source_id_digest_key;
    end if;
    if not exists (
        select from pg_attribute
        where attrelid = 'raw.records'::regclass and attname = 'broken_reason' and not attisdropped
    ) then
        alter table raw.records add column broken_reason text;
        alter table raw.records add column is_excerpt boolean not null default false;
    end if;
    if not exists (
        select from pg_attribute
        where attrelid = 'raw.records'::regclass and attname = 'salt' and not attisdropped
    ) then
        alter table raw.records add column salt uuid not null default gen_random_uuid();
    end if;
    if exists (
        select from pg_attribute
        where attrelid = 'raw.records'::regclass and attname = 'leaf' and not attisdropped
    ) then
        -- what a daily build that broke off has left may still show it, and is made anew by the next
        alter table raw.records drop column leaf cascade;
    end if;
end
$$;

create index if not exists records_by_object on raw.records (object, record_id);
create index if not exists records_by_version on raw.records (source, object, source_id, record_id);
create index if not exists records_broken on raw.records (record_id) where broken_reason is not null;

comment on table raw.records is
    'Every record as received, append-only. Grain: one version of one source record.';

-- Grain: one stream of one source. Committed together with the records before it.
create table if not exists raw.cursors (
    source text not null,
    stream text not null,
    state jsonb not null,
    committed_at timestamptz not null,
    primary key (source, stream)
);

-- Grain: one occurrence of a record that broke its contract, as received. Read again at the same place of the same
-- delivery it adds nothing.
create table if not exists raw.quarantine (
    quarantine_id bigint generated always as identity primary key,
    source text not null,
    object text not null,
    position text not null,         -- where it stood
    delivery text not null default '',  -- SHA-256 of the file that it stood in; '' where it came by an API
    reason text not null,
    field text,
    detail text not null,
    batch text,
    received_at timestamptz not null,
    digest bytea not null,          -- SHA-256 of the bytes below
    payload bytea not null,
    salt uuid not null default gen_random_uuid()
);

do $$
begin
    if exists (select from pg_constraint where conname = 'quarantine_source_object_digest_reason_key') then
        alter table raw.quarantine drop constraint quarantine_source_object_digest_reason_key;
        alter table raw.quarantine add column delivery text not null default '';
    end if;
    if not exists (
        select from pg_attribute
        where attrelid = 'raw.quarantine'::regclass and attname = 'salt' and not attisdropped
    ) then
        alter table raw.quarantine add column salt uuid not null default gen_random_uuid();
    end if;
end
$$;

create unique index if not exists quarantine_once on raw.quarantine
    (source, object, position, delivery, reason, coalesce(field, ''), digest);

-- Grain: one delivered file that was read to its end, as it was delivered: the same bytes delivered again later are
-- read again, for they may go back to what stood before (R9).
create table if not exists raw.files (
    source text not null,
    digest bytea not null,          -- SHA-256 of the file's bytes
    name text not null,
    size bigint not null,
    batch text not null,
    received_at timestamptz not null,
    modified_at timestamptz,        -- as its place of delivery says; null: taken before this was kept
    records bigint                  -- how many it held, broken ones included; null: taken before this was counted
);

do $$
begin
    if exists (select from pg_constraint where conname = 'files_pkey' and conrelid = 'raw.files'::regclass) then
        alter table raw.files drop constraint files_pkey;
        alter table raw.files add column modified_at timestamptz;
        alter table raw.files add column records bigint;
    end if;
end
$$;

create unique index if not exists files_once on raw.files (source, digest, coalesce(modified_at, '-infinity'));

-- Grain: one file that is being read, and how many of its records are stored. A pull that was killed goes on behind
-- them, so that a file that corrects itself is not told twice.
create table if not exists raw.file_progress (
    source text not null,
    digest bytea not null,
    reading text not null,          -- digest of how the registry says that it is read
    items bigint not null,
    primary key (source, digest, reading)
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
    problem text,                   -- the error's text, without personal data
    records_known bigint,           -- identical to the version that stood
    records_broken bigint           -- broke their contract, also those that stood in quarantine before
);

do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'raw.pulls'::regclass and attname = 'records_known' and not attisdropped
    ) then
        alter table raw.pulls add column records_known bigint;
        alter table raw.pulls add column records_broken bigint;
    end if;
end
$$;

create index if not exists pulls_by_source on raw.pulls (source, started_at desc);

-- Grain: one count of what a source said it held; what the volume check compares.
create table if not exists raw.populations (
    source text not null,
    object text not null,
    counted_at timestamptz not null,
    total bigint not null,
    primary key (source, object, counted_at)
);

-- Grain: one listing of all records that a source still shows; whole once it has ended. A whole one replaces those before.
create table if not exists raw.listings (
    listing_id bigint generated always as identity primary key,
    source text not null,
    object text not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    unique (source, object, started_at)
);

-- Grain: one record in one listing.
create table if not exists raw.listed (
    listing_id bigint not null references raw.listings (listing_id) on delete cascade,
    source_id text not null,
    primary key (listing_id, source_id)
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

-- Grain: one address that can be read in a spelling which is not one address: a cell that holds several, or one among
-- other words. A restriction holds for each of them, a permission for none (R27).
create table if not exists raw.addresses_within (
    kind text not null check (kind in ('email', 'phone')),
    raw text not null,
    country text not null,
    address text not null,
    primary key (kind, raw, country, address)
);

-- Grain: one build that began: what it knows is everything received until `known_at`, and nothing that is received
-- later gets an earlier moment (R8).
create table if not exists raw.builds (
    build_id bigint generated always as identity primary key,
    run_id text not null,
    as_of timestamptz not null,
    known_at timestamptz not null
);

-- Grain: one day and scope, as last published for that day: the history of `marts.reach_daily`. Counts only.
create table if not exists raw.published_reach (
    day date not null,
    channel text not null,
    purpose text not null,
    brand text not null,
    reachable integer not null,
    due integer not null,
    expired integer not null,
    primary key (day, channel, purpose, brand)
);

-- Grain: one scope of one address on the renewal list of one day, as it was delivered: on that day it was asked (R5). Not
-- by contact, since who has joined another is still not to be asked twice.
create table if not exists raw.delivered_renewals (
    list_date date not null,
    channel text not null,
    address text not null,
    purpose text not null,
    brand text not null,
    primary key (list_date, channel, address, purpose, brand)
);

-- Grain: one contact id that was ever published, so that it answers when its contact has joined another (R36). It is the
-- digest of a record's key and names nobody. `retired_at` is what was known by the publication that first did without it.
create table if not exists raw.published_contacts (
    contact_id text primary key,
    first_published_at timestamptz not null,
    retired_at timestamptz
);

-- Grain: one file of one version of policy and registry that a build decided under, as it stood then.
create table if not exists raw.policy_versions (
    policy_version text not null,
    file text not null,
    content text not null,
    kept_at timestamptz not null default clock_timestamp(),
    primary key (policy_version, file)
);

-- Grain: one restore of the warehouse from a backup. Nothing that was decided before it is published or delivered after.
create table if not exists raw.restores (
    restored_at timestamptz primary key default clock_timestamp()
);

-- The schema `evidence`: what was received, sealed (R40; optkeeper.evidence).
create schema if not exists evidence;

-- Grain: one transaction of landing that is not sealed yet: the leaves of the records that it added, computed while
-- their rows were at hand. The seal appends them and takes them away.
create table if not exists evidence.landed (
    first_id bigint primary key,
    last_id bigint not null,
    ids bigint[],                   -- the records' numbers, where they are not in a row
    received_from timestamptz not null, -- the earliest receipt among them
    hashes bytea not null
);

-- Grain: one tile of one log: up to 256 neighbouring hashes of a Merkle tree (RFC 9162), at every eighth level. Level 0
-- holds the leaves, and beside them the numbers of the rows that they stand for: the first, and all where they are not in
-- a row. Only the last tile of a level ever grows.
create table if not exists evidence.tiles (
    log text not null,
    level integer not null,
    tile bigint not null,
    hashes bytea not null,
    ids bigint[],
    first_id bigint,
    primary key (log, level, tile)
);
-- hashes cannot be compressed, and numbers in a row are not worth what it costs; said once, for it waits for all that runs
do $$
declare
    held record;
begin
    for held in
        select attrelid::regclass::text as relation, attname
        from pg_attribute
        where
            attrelid in ('evidence.tiles'::regclass, 'evidence.landed'::regclass) and attname in ('hashes', 'ids')
            and attstorage <> 'e'
    loop
        execute format('alter table %s alter column %I set storage external', held.relation, held.attname);
    end loop;
end
$$;
create index if not exists tiles_by_first_id on evidence.tiles (log, first_id) where level = 0;

-- Grain: one signed head of one log: so many leaves have this root, and hold all that was received until a moment.
create table if not exists evidence.heads (
    head_id bigint generated always as identity primary key,
    log text not null,
    size bigint not null,
    note text not null,             -- C2SP tlog-checkpoint, signed with a key that is not in the warehouse
    sealed_at timestamptz not null default clock_timestamp()
);
create index if not exists heads_by_log on evidence.heads (log, head_id);

-- Grain: one lawful erasure: the rows of these leaves are gone, their hashes stay.
create table if not exists evidence.erasures (
    erasure_id bigint generated always as identity primary key,
    log text not null,
    note text not null,             -- signed like a head: which leaves, when and on what ground
    erased_at timestamptz not null default clock_timestamp()
);

-- Grain: one dossier that was made: who looked, at whom by a keyed digest, why and when.
create table if not exists evidence.dossiers (
    dossier_id text primary key,
    made_at timestamptz not null default clock_timestamp(),
    made_by text not null,
    because text not null,
    subject_digest bytea not null,  -- HMAC-SHA256 of what was asked, with a key that is not in the warehouse
    contents_digest bytea not null  -- SHA-256 of dossier.json
);

-- Grain: one request for proof: who asked about whom, and by when it must be answered (R39). `subject` is personal data.
create table if not exists evidence.proof_requests (
    request_id bigint generated always as identity primary key,
    subject text not null,          -- an address in its compared form, or a contact's id
    received_at timestamptz not null,
    way text not null check (way in ('letter', 'mail', 'phone', 'desk')),
    deadline_at timestamptz not null,
    message_digest bytea unique,    -- SHA-256 of the mail that it came by; the same mail is one request
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null
);

-- Grain: one step of a request for proof.
create table if not exists evidence.proof_request_steps (
    step_id bigint generated always as identity primary key,
    request_id bigint not null references evidence.proof_requests,
    step text not null check (step in ('acknowledged', 'assigned', 'answered', 'closed')),
    taken_at timestamptz not null default clock_timestamp(),
    taken_by text not null,
    told text                       -- to whom it was assigned, which dossier answered it, how it ended
);

create or replace view evidence.proof_request_states as
select
    requests.request_id,
    requests.subject,
    requests.received_at,
    requests.way,
    requests.deadline_at,
    (
        select told from evidence.proof_request_steps as steps
        where steps.request_id = requests.request_id and steps.step = 'assigned'
        order by step_id desc limit 1
    ) as owner,
    taken.acknowledged_at,
    taken.answered_at,
    (
        select taken_by from evidence.proof_request_steps as steps
        where steps.request_id = requests.request_id and steps.step = 'answered'
        order by step_id limit 1
    ) as answered_by,
    taken.closed_at,
    taken.answered_at - requests.received_at as answered_in,
    coalesce(taken.answered_at, taken.closed_at) is null as is_running
from evidence.proof_requests as requests
cross join lateral (
    select
        min(taken_at) filter (where step in ('acknowledged', 'answered')) as acknowledged_at,
        min(taken_at) filter (where step = 'answered') as answered_at,
        min(taken_at) filter (where step = 'closed') as closed_at
    from evidence.proof_request_steps as steps
    where steps.request_id = requests.request_id
) as taken;

-- Grain: one ground to keep what is known of somebody although it permits nothing any more (R37).
create or replace view evidence.grounds_for_keeping as
select
    subject,
    'proof request ' || request_id as ground,
    received_at as since
from evidence.proof_request_states
where is_running;

-- What was received stays as it was received, whoever connects: the server itself refuses. Only a superuser who takes the
-- trigger away can change a row, and the sealed log tells it. Lawful erasure goes through evidence.erase.
create or replace function raw.refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('optkeeper.erasing', true) = cast(pg_current_xact_id() as text) then
        return null;
    end if;
    raise exception '%.% is append-only: % is refused', tg_table_schema, tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$;

do $$
declare
    evidence text;
begin
    foreach evidence in array array[
        'records', 'quarantine', 'files', 'populations', 'builds', 'addresses', 'addresses_within', 'policy_versions',
        'delivered_renewals', 'restores'
    ] loop
        -- made once: to make a trigger waits for everybody who is landing
        if not exists (
            select from pg_trigger
            where tgrelid = format('raw.%I', evidence)::regclass and tgname = 'refuse_change'
        ) then
            execute format(
                'create trigger refuse_change before update or delete or truncate on raw.%I'
                ' for each statement execute function raw.refuse_change()', evidence
            );
        end if;
    end loop;
    foreach evidence in array array['heads', 'erasures', 'dossiers', 'proof_requests', 'proof_request_steps'] loop
        if not exists (
            select from pg_trigger
            where tgrelid = format('evidence.%I', evidence)::regclass and tgname = 'refuse_change'
        ) then
            execute format(
                'create trigger refuse_change before update or delete or truncate on evidence.%I'
                ' for each statement execute function raw.refuse_change()', evidence
            );
        end if;
    end loop;
end
$$;

-- Takes rows of `raw` away for good, whole: content, salt and digest. What it is told to keep is the signed note of it,
-- without which the next check of the log finds the rows missing. Answers how many rows went.
create or replace function evidence.erase(erased_log text, numbers bigint[], signed_note text)
returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    gone bigint;
begin
    insert into evidence.erasures (log, note) values (erased_log, signed_note);
    perform set_config('optkeeper.erasing', cast(pg_current_xact_id() as text), true);
    if erased_log = 'records' then
        delete from raw.records where record_id = any(numbers);
    elsif erased_log = 'quarantine' then
        delete from raw.quarantine where quarantine_id = any(numbers);
    else
        raise exception 'there is no log %', erased_log using errcode = 'invalid_parameter_value';
    end if;
    get diagnostics gone = row_count;
    perform set_config('optkeeper.erasing', '', true);
    return gone;
end
$$;
