-- R18: for which scopes does a contact record of a cleared source ask for legitimate interest, from when on is it informed,
-- and what is wrong with it, if anything, but the basis matrix and the balancing test, which are asked for the moment of
-- the question?

with events as (

    select * from {{ ref('int_events__cleared') }}
    where event_type in ('contact_upserted', 'sale_completed') and broken_reason is null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

world_countries as (

    select * from {{ ref('world_countries') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

notices as (

    select * from {{ ref('int_permissions__notices') }}

),

recalled as (

    select * from {{ ref('int_permissions__recalled') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

-- where the matrix never allows it and no balancing test was ever approved, it is never attempted
attempted as (

    select distinct
        country,
        channel,
        {{ key_of(['country', 'channel', 'purpose', 'brand']) }} as attempt_id
    from {{ ref('state_rule_periods') }}
    where basis = 'legitimate_interest' and (is_allowed or is_assessed)

),

attempted_channels as (

    select distinct country, channel from attempted

),

records as {{ computed_once() }} (

    select
        events.world_id,
        events.event_key,
        events.record_id,
        events.event_type = 'sale_completed' as is_sale,
        events.effective_at,
        events.received_at,
        events.party,
        events.brand,
        events.source_brand,
        events.email,
        events.phone,
        events.postal,
        {{ policy_country('coalesce(events.country, events.default_country, attributes.country)') }} as record_country,
        resolved.contact_id,
        resolved.is_role_email,
        coalesce(attributes.policy_country, world_countries.policy_country) as policy_country,
        recalled.revoked_at,
        notices.event_key as notice_key,
        notices.record_id as notice_record_id,
        notices.noticed_at,
        case
            when events.timed_as = 'permission' and events.is_undated then 'undated_permission'
            when not {{ list_holds("coalesce(events.allowed_bases, '')", "'legitimate_interest'") }} then 'basis_not_allowed'
        end as defect
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key
    left join attributes on attributes.world_id = resolved.world_id and attributes.contact_id = resolved.contact_id
    left join world_countries on world_countries.world_id = resolved.world_id
    left join notices on notices.world_id = resolved.world_id and notices.contact_id = resolved.contact_id
    left join recalled on recalled.world_id = events.world_id and recalled.event_key = events.event_key

),

addressed as (

    select
        records.*,
        attempted_channels.channel,
        {{ carried_address('records', 'attempted_channels.channel') }} as address
    from records
    inner join attempted_channels on attempted_channels.country = records.policy_country
    where
        {{ carried_address('records', 'attempted_channels.channel') }} is not null
        -- a role address has none (R19)
        and not (attempted_channels.channel = 'email' and records.is_role_email)

),

-- a vendor's record is informed within its months, or never (art. 14); any other from the first notice on
informed as (

    select
        addressed.*,
        case
            when addressed.defect is not null or addressed.noticed_at is null then null
            when
                addressed.party = 'vendor'
                and addressed.noticed_at >= {{ carried_until('addressed.received_at', 'art14.value') }}
                then null
            else greatest(addressed.effective_at, addressed.noticed_at)
        end as informed_at
    from addressed
    {{ join_policy(
        'art14', 'art14_months', "case when addressed.party = 'vendor' then addressed.record_country end",
        'addressed.channel', local_date('addressed.effective_at')
    ) }}

),

-- of many records alike only the first says anything; a sale extends, and a recalled one may leave the next to stand
ranked as (

    select
        *,
        row_number() over (
            partition by
                world_id, contact_id, channel, address, brand, source_brand, defect, informed_at is null, is_sale, revoked_at
            order by effective_at, event_key
        ) as rank
    from informed

),

interests as (

    select
        {{ key_within('ranked.contact_id', [
            'ranked.world_id', 'ranked.contact_id', 'ranked.channel', 'ranked.address', 'scopes.purpose', 'scopes.brand'
        ]) }} as scope_id,
        ranked.world_id,
        ranked.contact_id,
        ranked.channel,
        ranked.address,
        scopes.purpose,
        scopes.brand,
        ranked.event_key,
        ranked.record_id,
        ranked.effective_at,
        ranked.is_sale,
        ranked.informed_at,
        ranked.notice_key,
        ranked.notice_record_id,
        ranked.revoked_at,
        ranked.defect
    from ranked
    inner join scopes
        on
            scopes.world_id = ranked.world_id
            and scopes.channel = ranked.channel
            and coalesce(ranked.source_brand, ranked.brand, scopes.brand) = scopes.brand
            and coalesce(ranked.brand, scopes.brand) = scopes.brand
    inner join attempted
        on
            attempted.attempt_id
            = {{ key_of(['ranked.policy_country', 'scopes.channel', 'scopes.purpose', 'scopes.brand']) }}
    where ranked.rank = 1 or ranked.is_sale

)

select * from interests
