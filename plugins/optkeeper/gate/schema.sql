-- The schema `gate`: what the gate found, and what volumes were accepted. Only `optkeeper.gate` writes here.

create schema if not exists gate;

-- Grain: one run that the gate judged; judged again, it starts anew.
create table if not exists gate.runs (
    run_id text primary key,
    as_of timestamptz not null,         -- the business moment
    decided_on date not null,           -- its date in the business time zone
    started_at timestamptz not null,
    records_after bigint not null,      -- records up to this number were judged by two runs that passed
    records_through bigint not null,    -- the newest record at the start
    finished_at timestamptz,
    passed boolean,                     -- null where the gate broke off
    candidate_stamp text                -- digest of all that was judged; only this may be published
);

do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'gate.runs'::regclass and attname = 'candidate_stamp' and not attisdropped
    ) then
        alter table gate.runs add column candidate_stamp text;
    end if;
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

-- Grain: one record that the last judged candidate relies on, with whether its payload still has its digest.
create table if not exists gate.recomputed_digests (
    record_id bigint primary key,
    is_as_received boolean not null
);

-- The run that is judged now, or was last.
create or replace view gate.current_run as
select run_id, as_of, decided_on, started_at, records_after, records_through, finished_at, passed
from gate.runs
order by started_at desc
limit 1;
