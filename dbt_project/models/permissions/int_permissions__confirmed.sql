-- R14: the first confirmation, by a person, of a faultless grant of the same source and address, within its days.

with assessed as (

    select * from {{ ref('int_permissions__consents') }}
    where defect is null

),

confirmations as (

    select
        human.world_id,
        human.event_key,
        human.occurred_at,
        human.email,
        human.phone,
        human.postal,
        events.source,
        events.record_id
    from {{ ref('int_activity__counted') }} as human
    inner join {{ ref('int_events__judged') }} as events
        on events.world_id = human.world_id and events.event_key = human.event_key
    where human.event_type = 'consent_confirmed'

),

matched as (

    select
        assessed.scope_id,
        assessed.event_key as grant_key,
        confirmations.event_key as confirmation_key,
        confirmations.record_id as confirmation_record_id,
        confirmations.occurred_at as confirmed_at,
        row_number() over (
            partition by assessed.scope_id, assessed.event_key
            order by confirmations.occurred_at, confirmations.event_key
        ) as rank
    from assessed
    inner join confirmations
        on
            confirmations.world_id = assessed.world_id
            and confirmations.source = assessed.source
            and {{ carried_address('confirmations', 'assessed.channel') }} = assessed.address
            and confirmations.occurred_at >= assessed.effective_at
            and confirmations.occurred_at <= assessed.confirmable_until

),

confirmed as (

    select
        scope_id,
        grant_key,
        confirmation_key,
        confirmation_record_id,
        confirmed_at
    from matched
    where rank = 1

)

select * from confirmed
