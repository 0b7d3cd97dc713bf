with broken as (

    select * from {{ ref('stg_landing__quarantine') }}

),

-- what broke its contract on landing has been told there
events as (

    select * from {{ ref('int_events__judged') }}
    where quarantine_reason is not null and broken_reason is null

),

quarantine as (

    select
        'landing/' || quarantine_id as quarantine_key,
        source,
        object as record_object,
        stood_at as record_position,
        cast(null as text) as event_key,
        cast(null as text) as event_type,
        batch,
        reason,
        field,
        detail,
        {{ hex_text('payload_digest') }} as payload_digest,
        received_at
    from broken

    union all

    select
        'event/' || event_key as quarantine_key,
        source,
        'event' as record_object,
        event_id as record_position,
        event_key,
        event_type,
        batch,
        quarantine_reason as reason,
        cast(null as text) as field,
        cast(null as text) as detail,
        {{ hex_text('payload_digest') }} as payload_digest,
        received_at
    from events

)

select * from quarantine
