-- R2, R14, R15, R17-R19: what starts or extends a basis in each scope period, restrictions aside.

with scope_periods as (

    select * from {{ ref('int_timeline__scope_periods') }}
    where is_allowed and is_assessed

),

consents as {{ read_each_time() }} (

    select * from {{ ref('int_permissions__consents') }}
    where defect is null

),

confirmed as (

    select * from {{ ref('int_permissions__confirmed') }}

),

soft_opt_ins as (

    select * from {{ ref('int_permissions__soft_opt_ins') }}
    where defect is null

),

interests as (

    select * from {{ ref('int_permissions__interests') }}
    where informed_at is not null

),

publications as (

    select * from {{ ref('int_permissions__publications') }}
    where defect is null

),

acts as (

    -- given or renewed; a renewal that would need a confirmation extends what is live, but starts nothing
    select
        'consent' as basis,
        scope_id,
        event_key,
        revoked_at,
        effective_at as at,
        effective_at as counts_from,
        event_key as anchored_by,
        event_key as evidence_key,
        record_id as evidence_record_id,
        not needs_confirmation as starts,
        event_type = 'consent_renewed' as is_renewal,
        restores,
        restores_erased,
        false as is_first_only
    from consents
    where not needs_confirmation or event_type = 'consent_renewed'

    union all

    select
        'consent' as basis,
        consents.scope_id,
        consents.event_key,
        consents.revoked_at,
        confirmed.confirmed_at as at,
        confirmed.confirmed_at as counts_from,
        confirmed.confirmation_key as anchored_by,
        confirmed.confirmation_key as evidence_key,
        confirmed.confirmation_record_id as evidence_record_id,
        true as starts,
        false as is_renewal,
        consents.restores,
        consents.restores_erased,
        false as is_first_only
    from consents
    inner join confirmed on confirmed.scope_id = consents.scope_id and confirmed.grant_key = consents.event_key

    union all

    select
        'soft_opt_in' as basis,
        scope_id,
        event_key,
        revoked_at,
        effective_at as at,
        effective_at as counts_from,
        event_key as anchored_by,
        event_key as evidence_key,
        record_id as evidence_record_id,
        true as starts,
        false as is_renewal,
        false as restores,
        false as restores_erased,
        false as is_first_only
    from soft_opt_ins

    union all

    -- proven by the notice; the first informed record starts it, and after a lapse only an informed sale (R18)
    select
        'legitimate_interest' as basis,
        scope_id,
        event_key,
        revoked_at,
        effective_at as at,
        informed_at as counts_from,
        event_key as anchored_by,
        notice_key as evidence_key,
        notice_record_id as evidence_record_id,
        true as starts,
        false as is_renewal,
        false as restores,
        false as restores_erased,
        not is_sale as is_first_only
    from interests

    union all

    select
        'published_address' as basis,
        scope_id,
        event_key,
        revoked_at,
        effective_at as at,
        effective_at as counts_from,
        event_key as anchored_by,
        event_key as evidence_key,
        record_id as evidence_record_id,
        true as starts,
        false as is_renewal,
        false as restores,
        false as restores_erased,
        false as is_first_only
    from publications

),

-- what was recalled by then is as if never given (R32)
standing as (

    select
        scope_periods.scope_period_id,
        scope_periods.months,
        acts.*,
        row_number() over (partition by scope_periods.scope_period_id order by acts.at, acts.evidence_key, acts.event_key) as rank
    from acts
    inner join scope_periods on scope_periods.scope_id = acts.scope_id and scope_periods.basis = acts.basis
    where acts.revoked_at is null or acts.revoked_at > scope_periods.period_from

),

anchors as (

    select
        scope_period_id,
        event_key,
        at,
        counts_from,
        anchored_by,
        evidence_key,
        evidence_record_id,
        starts,
        is_renewal,
        starts and restores as restores,
        starts and restores_erased as restores_erased,
        {{ carried_until('at', 'months') }} as carries_until
    from standing
    where not is_first_only or rank = 1

)

select * from anchors
