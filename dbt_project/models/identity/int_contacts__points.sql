with cleared as (

    select * from {{ ref('int_events__cleared') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

-- a contact's events carry the same over and over
carried as (

    select distinct
        resolved.world_id,
        resolved.contact_id,
        resolved.is_role_email,
        cleared.email,
        cleared.phone,
        cleared.postal
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key

),

points as (

    select distinct world_id, contact_id, 'email' as channel, email as address, is_role_email as is_role_address from carried
    where email is not null
    union all
    select distinct world_id, contact_id, 'phone' as channel, phone as address, false as is_role_address from carried
    where phone is not null
    union all
    select distinct world_id, contact_id, 'sms' as channel, phone as address, false as is_role_address from carried
    where phone is not null
    union all
    select distinct world_id, contact_id, 'post' as channel, postal as address, false as is_role_address from carried
    where postal is not null

),

based as (

    select
        *,
        {{ address_base('address') }} as address_base
    from points

)

select * from based
