-- The schema `gate`: what the gate found, and what volumes were accepted. Only `optkeeper.gate` writes here.

create schema if not exists gate;

-- Grain: one run that the gate judged; judged again, it starts anew.
create table if not exists gate.runs (
    run_id text primary key,
    as_of timestamptz not null,         -- the business moment
    decided_on date not null,           -- its date in the business time zone
    started_at timestamptz not null,
    records_after bigint not null,      -- records up to this number were judged, by the last run that passed
    records_through bigint not null,    -- the newest record at the start
    finished_at timestamptz,
    passed boolean,                     -- null where the gate broke off
    candidate_stamp text,               -- digest of all that was judged; only this may be published
    statements_version text,            -- digest of the statements that were evaluated
    contacts_judged bigint,             -- null: all; else those that changed since the publication
    records_known bigint                -- the build knew all records up to this number; null where none stood
);

do $$
declare
    added text;
begin
    foreach added in array
        array['candidate_stamp text', 'statements_version text', 'contacts_judged bigint', 'records_known bigint']
    loop
        if not exists (
            select from pg_attribute
            where attrelid = 'gate.runs'::regclass and attname = split_part(added, ' ', 1) and not attisdropped
        ) then
            execute 'alter table gate.runs add column ' || added;
        end if;
    end loop;
end
$$;

-- Grain: one statement of policy in one run.
create table if not exists gate.results (
    run_id text not null references gate.runs on delete cascade,
    rule text not null,                 -- the statement's name
    relation text not null,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    passed boolean not null,
    violations bigint,                  -- null where it could not be evaluated
    sample jsonb not null,              -- ids and digests of the first violations
    problem text,                       -- why it could not be evaluated
    checked_at timestamptz not null,
    primary key (run_id, rule),
    check (passed = coalesce(violations = 0, false))
);

-- Grain: one watched mart in one run; null rows where there is no such table.
create table if not exists gate.mart_volumes (
    run_id text not null references gate.runs on delete cascade,
    relation text not null,
    candidate_rows bigint,
    published_rows bigint,
    published_at timestamptz,
    primary key (run_id, relation)
);

-- Grain: one volume that was accepted, by a run that passed or by a person. The newest is what the next is
-- compared with. A mart stands under the source 'marts'.
create table if not exists gate.accepted_volumes (
    accepted_id bigint generated always as identity primary key,
    source text not null,
    object text not null,
    total bigint not null,
    accepted_at timestamptz not null,
    run_id text,
    accepted_by text,
    check ((run_id is null) <> (accepted_by is null))
);

create index if not exists accepted_volumes_by_object on gate.accepted_volumes (source, object, accepted_id desc);

-- Grain: one record that a judged candidate relied on, with whether its payload still has its digest.
-- What has not been touched since it was found sound is not computed again: any writing gives a row another version.
create table if not exists gate.recomputed_digests (
    record_id bigint primary key,
    is_as_received boolean not null
);
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'gate.recomputed_digests'::regclass and attname = 'record_version' and not attisdropped
    ) then
        delete from gate.recomputed_digests;
        alter table gate.recomputed_digests add column record_version xid not null, add column record_place tid not null;
    end if;
end
$$;

-- Grain: one row: the whole tiles of leaves in which sealed records were last found, and what they were.
create table if not exists gate.sealed_through (
    only_row boolean primary key default true check (only_row),
    tile bigint not null,               -- the first that was not yet whole
    first_id bigint not null,           -- its first record
    tiles_before text not null,         -- count and digest of the versions of the tiles before it
    records_written_over text           -- differs as soon as the server counts a row of raw.records written over or gone
);
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'gate.sealed_through'::regclass and attname = 'records_written_over' and not attisdropped
    ) then
        alter table gate.sealed_through add column records_written_over text;
    end if;
end
$$;

-- The run that is judged now, or was last.
create or replace view gate.current_run as
select run_id, as_of, decided_on, started_at, records_after, records_through, finished_at, passed
from gate.runs
order by started_at desc
limit 1;
