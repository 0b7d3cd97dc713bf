-- R27, R34: which addresses does a restriction name? A cell that holds several names each of them.

with stated as {{ read_each_time() }} (

    select * from {{ ref('int_restrictions__stated') }}

),

within as (

    select * from {{ ref('int_events__addresses_within') }}

),

addressed as (

    select world_id, event_key, 'email' as kind, email as address from stated
    where email is not null
    union
    select world_id, event_key, 'phone' as kind, phone as address from stated
    where phone is not null
    union
    select world_id, event_key, 'post' as kind, postal as address from stated
    where postal is not null
    union
    select
        stated.world_id,
        stated.event_key,
        within.kind,
        within.address
    from stated
    inner join within on within.record_id = stated.record_id and within.event_id = stated.event_id

),

based as (

    select distinct
        world_id,
        event_key,
        kind,
        {{ address_base('address') }} as address_base
    from addressed

)

select * from based
