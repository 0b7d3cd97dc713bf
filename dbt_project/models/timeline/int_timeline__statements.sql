-- docs/contract.md, answers: every record says something from its effective instant on; of each class the latest is heard.
-- Classes of consent: 1 counted, waits, lapsed or was revoked; 2 did not count; 3 only asked. Of the other bases: 1 formed;
-- 2 formed, but the person was not told; 3 not formed.

with scope_periods as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__scope_periods') }}

),

consents as (

    select * from {{ ref('int_permissions__consents') }}

),

confirmed as (

    select * from {{ ref('int_permissions__confirmed') }}

),

asked as (

    select * from {{ ref('int_permissions__asked') }}

),

soft_opt_ins as (

    select * from {{ ref('int_permissions__soft_opt_ins') }}

),

interests as (

    select * from {{ ref('int_permissions__interests') }}

),

publications as (

    select * from {{ ref('int_permissions__publications') }}

),

bases as (

    select * from {{ ref('bases') }}

),

-- a renewal that would need a confirmation counted, if it was live at its instant
counted_renewals as (

    select distinct scope_period_id, event_key from {{ ref('int_timeline__effective_grants') }}
    where evidence_key = event_key

),

recorded as (

    select
        scope_periods.scope_period_id,
        consents.effective_at as at,
        consents.event_key,
        consents.defect,
        coalesce(consents.revoked_at <= scope_periods.period_from, false) as is_revoked,
        consents.needs_confirmation and counted_renewals.event_key is null as is_pending,
        consents.confirmable_until
    from consents
    inner join scope_periods on scope_periods.scope_id = consents.scope_id and scope_periods.basis = 'consent'
    left join counted_renewals
        on counted_renewals.scope_period_id = scope_periods.scope_period_id and counted_renewals.event_key = consents.event_key

),

-- what one sale, record or publication says besides: what it lacks, or what the rules of the moment asked about say
other_records as (

    {% for relation, basis in [('soft_opt_ins', 'soft_opt_in'), ('publications', 'published_address')] %}
    select
        '{{ basis }}' as basis,
        scope_id,
        event_key,
        effective_at,
        defect,
        revoked_at,
        effective_at as informed_at
    from {{ relation }}
    union all
    {% endfor %}
    select
        'legitimate_interest' as basis,
        scope_id,
        event_key,
        effective_at,
        defect,
        revoked_at,
        informed_at
    from interests

),

formed as (

    select
        scope_periods.scope_period_id,
        scope_periods.basis,
        other_records.event_key,
        other_records.effective_at,
        other_records.informed_at,
        case
            when other_records.defect is not null then other_records.defect
            when other_records.revoked_at <= scope_periods.period_from then 'revoked'
            when not scope_periods.is_allowed then 'basis_not_allowed'
            when not scope_periods.is_assessed then 'assessment_missing'
        end as defect
    from other_records
    inner join scope_periods
        on scope_periods.scope_id = other_records.scope_id and scope_periods.basis = other_records.basis
    -- legitimate interest that the matrix forbids and no balancing test covers was never attempted (R18)
    where scope_periods.is_allowed or scope_periods.is_assessed

),

said as (

    select
        scope_period_id,
        at,
        event_key,
        case when defect is null then 1 else 2 end as class,
        case
            when defect in ('text_version_invalid', 'minor') then 'ConsentInvalidated'
            when defect is not null then 'ConsentUnknown'
            when is_revoked then 'ConsentRevoked'
            when is_pending then 'ConsentRequested'
            else 'ConsentExpired'
        end as status,
        case
            when defect is not null then defect
            when is_revoked then 'revoked'
            when is_pending then 'awaiting_confirmation'
            else 'expired'
        end as reason,
        case
            when defect is null and is_pending and not is_revoked then {{ add_seconds('confirmable_until', '0.000001') }}
        end as lapses_at,
        false as is_formed
    from recorded

    union all

    -- a confirmed grant's effective instant is its confirmation
    select
        recorded.scope_period_id,
        confirmed.confirmed_at as at,
        recorded.event_key,
        1 as class,
        case when recorded.is_revoked then 'ConsentRevoked' else 'ConsentExpired' end as status,
        case when recorded.is_revoked then 'revoked' else 'expired' end as reason,
        cast(null as timestamptz) as lapses_at,
        false as is_formed
    from recorded
    inner join scope_periods on scope_periods.scope_period_id = recorded.scope_period_id
    inner join confirmed on confirmed.scope_id = scope_periods.scope_id and confirmed.grant_key = recorded.event_key

    union all

    select
        scope_periods.scope_period_id,
        asked.effective_at as at,
        asked.event_key,
        3 as class,
        case asked.event_type when 'consent_deferred' then 'ConsentRequestDeferred' else 'ConsentRequested' end as status,
        case asked.event_type when 'consent_deferred' then 'deferred' else 'no_permission' end as reason,
        cast(null as timestamptz) as lapses_at,
        false as is_formed
    from asked
    inner join scope_periods on scope_periods.scope_id = asked.scope_id and scope_periods.basis = 'consent'

    union all

    -- formed, and ended by time where it is not live
    select
        formed.scope_period_id,
        greatest(formed.effective_at, formed.informed_at) as at,
        formed.event_key,
        1 as class,
        bases.ended_status as status,
        bases.ended_reason as reason,
        cast(null as timestamptz) as lapses_at,
        true as is_formed
    from formed
    inner join bases on bases.basis = formed.basis
    where formed.defect is null and formed.informed_at is not null

    union all

    -- formed, but the person was not told yet, or too late (R18)
    select
        scope_period_id,
        effective_at as at,
        event_key,
        2 as class,
        'LegitimateInterestUninformed' as status,
        'not_informed' as reason,
        cast(null as timestamptz) as lapses_at,
        true as is_formed
    from formed
    where defect is null and (informed_at is null or informed_at > effective_at)

    union all

    select
        scope_period_id,
        effective_at as at,
        event_key,
        3 as class,
        'ConsentUnknown' as status,
        defect as reason,
        cast(null as timestamptz) as lapses_at,
        false as is_formed
    from formed
    where defect is not null

),

statements as (

    select
        *,
        row_number() over (partition by scope_period_id, class order by at, event_key) as rank
    from said

)

select * from statements
