-- R16: requests and deferrals; they grant nothing, but say that the question was put.

with cleared as (

    select * from {{ ref('int_events__cleared') }}
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
        cleared.world_id,
        resolved.contact_id,
        scopes.channel,
        {{ carried_address('cleared', 'scopes.channel') }} as address,
        scopes.purpose,
        scopes.brand,
        cleared.event_key,
        cleared.event_type,
        cleared.effective_at
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key
    inner join scopes
        on
            scopes.world_id = cleared.world_id
            and {{ carried_address('cleared', 'scopes.channel') }} is not null
            and coalesce(cleared.channel, scopes.channel) = scopes.channel
            and coalesce(cleared.purpose, scopes.purpose) = scopes.purpose
            and coalesce(cleared.brand, cleared.source_brand, scopes.brand) = scopes.brand

),

keyed as (

    select
        {{ key_of(['world_id', 'contact_id', 'channel', 'address', 'purpose', 'brand']) }} as scope_id,
        asked.*
    from asked

)

select * from keyed
