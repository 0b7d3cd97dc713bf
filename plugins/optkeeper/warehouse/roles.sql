-- The logins of the warehouse and what each may do. Default-deny: nothing is granted to everybody, so whoever is not
-- named reads nothing. What analysts and marketing read of the marts, column by column, is the seed
-- `mart_readers`, granted with each publication.
--
-- pipeline         runs the steps. Of what was received it adds and never changes; all other schemas are its own.
-- privacy_officer  reads everything.
-- analyst          reads marts, without what identifies a person.
-- marketing        reads the lists, and what explains them.

do $$
declare
    login text;
    given text[];
begin
    foreach login in array array['pipeline', 'privacy_officer', 'analyst', 'marketing'] loop
        if not exists (select from pg_roles where rolname = login) then
            begin
                execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', login);
            exception when duplicate_object or unique_violation then
                null;  -- another database of this server was prepared at the same time
            end;
        end if;
        -- a guard against a slip, not against a will; the grants are that
        if login <> 'pipeline' and not exists (
            select from pg_roles where rolname = login and 'default_transaction_read_only=on' = any(rolconfig)
        ) then
            execute format('alter role %I set default_transaction_read_only = on', login);
        end if;
    end loop;
    if not exists (select from pg_roles where rolname = 'analyst' and 'search_path=analyst, marts' = any(rolconfig)) then
        alter role analyst set search_path = analyst, marts;
    end if;
    -- a build sorts and joins whole tables, and asks much of few queries; what the owner has set stays
    foreach given slice 1 in array array[
        ['work_mem', '128MB'], ['maintenance_work_mem', '256MB'], ['jit', 'off'], ['random_page_cost', '1.1']
    ] loop
        if not exists (
            select from pg_roles cross join unnest(rolconfig) as config
            where rolname = 'pipeline' and config like given[1] || '=%'
        ) then
            execute format('alter role pipeline set %I = %L', given[1], given[2]);
        end if;
    end loop;
    -- what a login may give away in another's name, it must be a member of
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant pipeline to %I', current_user);
    end if;
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to pipeline, privacy_officer, analyst, marketing', current_database());
    execute format('grant create, temporary on database %I to pipeline', current_database());
    if current_user <> 'pipeline' then
        execute format('grant connect, create, temporary on database %I to %I', current_database(), current_user);
    end if;
end
$$;

revoke all on schema public from public;
revoke execute on all functions in schema raw from public;

grant usage on schema raw to pipeline, privacy_officer;
grant select on all tables in schema raw to pipeline, privacy_officer;
revoke execute on all functions in schema evidence from public;
grant usage on schema evidence to pipeline, privacy_officer;
grant select on all tables in schema evidence to pipeline, privacy_officer;
grant insert on
    evidence.tiles, evidence.heads, evidence.dossiers, evidence.proof_requests, evidence.proof_request_steps
to pipeline;
grant update on evidence.tiles to pipeline;
grant insert, delete on evidence.landed to pipeline;
grant execute on function evidence.erase to pipeline;
-- the evidence: added to, referred to by the marts, and never changed
grant insert, references on
    raw.records, raw.quarantine, raw.files, raw.populations, raw.builds, raw.addresses, raw.addresses_within,
    raw.policy_versions, raw.delivered_renewals
to pipeline;
-- where landing and publication keep their place
grant insert, update, delete on
    raw.receipt_clock, raw.cursors, raw.file_progress, raw.pulls, raw.listings, raw.listed, raw.published_reach,
    raw.published_contacts
to pipeline;

do $$
begin
    -- a build lets the planner count what was received
    if current_setting('server_version_num')::integer >= 170000 then
        execute 'grant maintain on raw.records to pipeline';
    end if;
end
$$;

alter default privileges for role pipeline grant usage on schemas to privacy_officer;
alter default privileges for role pipeline grant select on tables to privacy_officer;

-- What an installation without these logins made belongs to the pipeline from now on.
do $$
declare
    held record;
begin
    for held in
        select nspname, nspowner::regrole::text as owner
        from pg_namespace
        where nspname not in ('raw', 'evidence', 'public', 'information_schema') and nspname !~ '^pg_'
    loop
        if held.owner <> 'pipeline' then
            execute format('alter schema %I owner to pipeline', held.nspname);
        end if;
        execute format('grant usage on schema %I to privacy_officer', held.nspname);
        execute format('grant select on all tables in schema %I to privacy_officer', held.nspname);
    end loop;
    for held in
        select relations.oid::regclass::text as relation
        from pg_class as relations
        inner join pg_namespace on pg_namespace.oid = relations.relnamespace
        where
            nspname not in ('raw', 'evidence', 'public', 'information_schema') and nspname !~ '^pg_'
            and relkind in ('r', 'v', 'm') and relowner <> 'pipeline'::regrole
    loop
        execute format('alter table %s owner to pipeline', held.relation);
    end loop;
end
$$;
