-- The schemas `published`, the published copies of the candidate marts, and `marts`, what is read: a view of each. Only
-- `optkeeper.warehouse.publish` writes here.

create schema if not exists published;
create schema if not exists marts;

-- Grain: one publication. The newest row says what is published now.
create table if not exists marts.publications (
    publication_id bigint generated always as identity primary key,
    run_id text not null unique,
    published_at timestamptz not null,
    as_of timestamptz not null,
    known_at timestamptz not null,
    policy_version text not null
);

comment on table marts.publications is
    'Every publication of the marts. Grain: one publication; the newest row says what is published now.';
