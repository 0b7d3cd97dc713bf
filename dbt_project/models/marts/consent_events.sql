with cleared as (

    select * from {{ ref('int_events__cleared') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

-- what we did ourselves, and what image proxies do, says nothing about consent (R20)
consent_events as (

    select
        cleared.event_key,
        resolved.contact_id,
        cleared.event_type,
        cleared.occurred_at,
        cleared.received_at,
        cleared.source,
        cleared.channel,
        cleared.purpose,
        cleared.brand,
        cleared.text_version,
        cleared.quarantine_reason,
        cleared.is_superseded,
        cleared.payload_digest,
        cleared.record_id
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key
    where cleared.event_type not in ('email_delivered', 'email_opened')

)

select * from consent_events
