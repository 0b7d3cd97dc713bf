-- Interfaces, section 4: every record says something from its effective instant on; of each class the latest is heard.
-- Classes: 1 counted, waits, lapsed or was revoked; 2 did not count; 3 only asked.

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

assessed as (

    select * from {{ ref('int_permissions__assessed') }}

),

confirmed as (

    select * from {{ ref('int_permissions__confirmed') }}

),

asked as (

    select * from {{ ref('int_permissions__asked') }}

),

-- a renewal that would need a confirmation counted, if it was live at its instant
counted_renewals as (

    select distinct epoch_id, event_key from {{ ref('int_timeline__relied') }}
    where evidence_key = event_key

),

recorded as (

    select
        epochs.epoch_id,
        assessed.effective_at as at,
        assessed.event_key,
        assessed.defect,
        coalesce(assessed.revoked_at <= epochs.epoch_from, false) as is_revoked,
        assessed.needs_confirmation and counted_renewals.event_key is null as is_pending,
        assessed.confirmable_until
    from assessed
    inner join epochs on epochs.scope_id = assessed.scope_id
    left join counted_renewals
        on counted_renewals.epoch_id = epochs.epoch_id and counted_renewals.event_key = assessed.event_key

),

said as (

    select
        epoch_id,
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
        end as lapses_at
    from recorded

    union all

    -- a confirmed grant's effective instant is its confirmation
    select
        recorded.epoch_id,
        confirmed.confirmed_at as at,
        recorded.event_key,
        1 as class,
        case when recorded.is_revoked then 'ConsentRevoked' else 'ConsentExpired' end as status,
        case when recorded.is_revoked then 'revoked' else 'expired' end as reason,
        cast(null as timestamptz) as lapses_at
    from recorded
    inner join epochs on epochs.epoch_id = recorded.epoch_id
    inner join confirmed on confirmed.scope_id = epochs.scope_id and confirmed.grant_key = recorded.event_key

    union all

    select
        epochs.epoch_id,
        asked.effective_at as at,
        asked.event_key,
        3 as class,
        case asked.event_type when 'consent_deferred' then 'ConsentRequestDeferred' else 'ConsentRequested' end as status,
        case asked.event_type when 'consent_deferred' then 'deferred' else 'no_permission' end as reason,
        cast(null as timestamptz) as lapses_at
    from asked
    inner join epochs on epochs.scope_id = asked.scope_id

),

statements as (

    select
        *,
        row_number() over (partition by epoch_id, class order by at, event_key) as place
    from said

)

select * from statements
