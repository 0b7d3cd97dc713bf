-- R14: the first confirmation, by a person, of a faultless grant of the same source and address, within its days.

with assessed as {{ read_each_time() }} (

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

channels as (

    select distinct world_id, channel from assessed

),

-- by channel, so that an address finds its own: otherwise each grant meets every confirmation of its source
carried as (

    select
        confirmations.world_id,
        confirmations.source,
        confirmations.event_key,
        confirmations.record_id,
        confirmations.occurred_at,
        channels.channel,
        {{ carried_address('confirmations', 'channels.channel') }} as address
    from confirmations
    inner join channels on channels.world_id = confirmations.world_id

),

matched as (

    select
        assessed.scope_id,
        assessed.event_key as grant_key,
        carried.event_key as confirmation_key,
        carried.record_id as confirmation_record_id,
        carried.occurred_at as confirmed_at,
        row_number() over (
            partition by assessed.scope_id, assessed.event_key
            order by carried.occurred_at, carried.event_key
        ) as rank
    from assessed
    inner join carried
        on
            carried.world_id = assessed.world_id
            and carried.source = assessed.source
            and carried.channel = assessed.channel
            and carried.address = assessed.address
            and carried.occurred_at >= assessed.effective_at
            and carried.occurred_at <= assessed.confirmable_until

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
