-- R25, R27, R34: whom and which addresses does a restriction hold for?

with stated as (

    select * from {{ ref('int_restrictions__stated') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

points as (

    select * from {{ ref('int_contacts__points') }}

),

-- a restriction on an address without, or with any, plus-tag is one on all of them, and so on whoever carries them
siblings as (

    select distinct
        stated.world_id,
        stated.event_key,
        points.contact_id
    from stated
    inner join resolved on resolved.world_id = stated.world_id and resolved.event_key = stated.event_key
    inner join points
        on
            points.world_id = resolved.world_id
            and points.channel = 'email'
            and points.address_base = resolved.email_base
    where resolved.email_key is not null

),

bound_contacts as (

    select world_id, event_key, contact_id from siblings
    union
    select stated.world_id, stated.event_key, resolved.contact_id
    from stated
    inner join resolved on resolved.world_id = stated.world_id and resolved.event_key = stated.event_key

),

bound_addresses as (

    select world_id, event_key, {{ address_base('email') }} as address_base from stated
    where email is not null
    union
    select world_id, event_key, phone as address_base from stated
    where phone is not null
    union
    select world_id, event_key, postal as address_base from stated
    where postal is not null

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
    where stated.reason not in ('left_company', 'undeliverable')

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
        bound_addresses.address_base
    from stated
    inner join bound_addresses
        on bound_addresses.world_id = stated.world_id and bound_addresses.event_key = stated.event_key

)

select * from bound
