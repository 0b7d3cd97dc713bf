{{ config(cluster_by=['scope_id'], indexes=[{'columns': ['contact_id']}]) }}
-- R16: requests and deferrals; they grant nothing, but say that the question was put.

with events as (

    select * from {{ ref('int_events__judged') }}
    where event_type in ('consent_requested', 'consent_deferred') and broken_reason is null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

asked as (

    select
        events.world_id,
        resolved.contact_id,
        scopes.channel,
        {{ carried_address('events', 'scopes.channel') }} as address,
        scopes.purpose,
        scopes.brand,
        events.event_key,
        events.event_type,
        events.effective_at
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key
    inner join scopes
        on
            scopes.world_id = events.world_id
            and {{ carried_address('events', 'scopes.channel') }} is not null
            and coalesce(events.channel, scopes.channel) = scopes.channel
            and coalesce(events.purpose, scopes.purpose) = scopes.purpose
            and coalesce(events.brand, events.source_brand, scopes.brand) = scopes.brand

),

keyed as (

    select
        {{ key_within('contact_id', ['world_id', 'contact_id', 'channel', 'address', 'purpose', 'brand']) }} as scope_id,
        asked.*
    from asked

)

select * from keyed
