-- R25, R27, R34: whom and which addresses does a restriction hold for?

with stated as {{ read_each_time() }} (

    select * from {{ ref('int_restrictions__stated') }}

),

named as {{ read_each_time() }} (

    select * from {{ ref('int_restrictions__named') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

points as (

    select * from {{ ref('int_contacts__points') }}

),

shared_addresses as (

    select distinct lower(btrim(address)) as address from {{ ref('shared_addresses') }}

),

overloaded as (

    select * from {{ ref('int_identity__overloaded_keys') }}

),

-- a restriction on an address without, or with any, plus-tag is one on all of them, and so on whoever carries them
siblings as (

    select distinct
        named.world_id,
        named.event_key,
        points.contact_id
    from named
    inner join points
        on
            points.world_id = named.world_id
            and points.channel = 'email'
            and points.address_base = named.address_base
    left join overloaded on overloaded.world_id = points.world_id and overloaded.key = 'email:' || points.address
    where
        named.kind = 'email'
        and overloaded.key is null
        and not points.is_role_address
        and named.address_base not in (select address from shared_addresses)
        and points.address not in (select address from shared_addresses)

),

bound_contacts as (

    select world_id, event_key, contact_id from siblings
    union
    select stated.world_id, stated.event_key, resolved.contact_id
    from stated
    inner join resolved on resolved.world_id = stated.world_id and resolved.event_key = stated.event_key

),

-- what stops one address only binds no person
bound as (

    select
        stated.world_id,
        stated.event_key,
        stated.reason,
        stated.at,
        stated.channel,
        stated.purpose,
        stated.brand,
        bound_contacts.contact_id,
        cast(null as text) as address_base
    from stated
    inner join bound_contacts
        on bound_contacts.world_id = stated.world_id and bound_contacts.event_key = stated.event_key
    where stated.binds = 'contact_and_address'

    union all

    select
        stated.world_id,
        stated.event_key,
        stated.reason,
        stated.at,
        stated.channel,
        stated.purpose,
        stated.brand,
        cast(null as text) as contact_id,
        named.address_base
    from stated
    inner join named on named.world_id = stated.world_id and named.event_key = stated.event_key

)

select * from bound
