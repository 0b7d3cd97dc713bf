-- R2, R14, R15: what starts or extends a consent in each epoch, restrictions aside.

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

assessed as (

    select * from {{ ref('int_permissions__assessed') }}
    where defect is null

),

confirmed as (

    select * from {{ ref('int_permissions__confirmed') }}

),

acts as (

    -- given or renewed; a renewal that would need a confirmation extends what is live, but starts nothing
    select
        assessed.*,
        assessed.effective_at as at,
        assessed.event_key as evidence_key,
        assessed.record_id as evidence_record_id,
        not assessed.needs_confirmation as starts,
        assessed.event_type = 'consent_renewed' as is_renewal
    from assessed
    where not assessed.needs_confirmation or assessed.event_type = 'consent_renewed'

    union all

    select
        assessed.*,
        confirmed.confirmed_at as at,
        confirmed.confirmation_key as evidence_key,
        confirmed.confirmation_record_id as evidence_record_id,
        true as starts,
        false as is_renewal
    from assessed
    inner join confirmed on confirmed.scope_id = assessed.scope_id and confirmed.grant_key = assessed.event_key

),

anchors as (

    select
        epochs.epoch_id,
        acts.event_key,
        acts.at,
        acts.evidence_key,
        acts.evidence_record_id,
        acts.starts,
        acts.is_renewal,
        acts.starts and acts.restores as restores,
        acts.starts and acts.restores_erased as restores_erased,
        {{ start_of_day(add_days(add_months(local_date('acts.at'), 'epochs.months'), 1)) }} as carries_until
    from acts
    inner join epochs on epochs.scope_id = acts.scope_id
    where acts.revoked_at is null or acts.revoked_at > epochs.epoch_from

)

select * from anchors
