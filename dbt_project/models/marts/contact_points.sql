with points as (

    select * from {{ ref('int_contacts__points') }}

),

builds as (

    select * from {{ ref('builds') }}

),

bound as (

    select * from {{ ref('int_restrictions__bound') }}

),

lifted as (

    select * from {{ ref('int_restrictions__lifted') }}

),

blocked as (

    select
        points.contact_id,
        points.channel,
        points.address,
        bound.event_key,
        bound.reason,
        bound.channel as bound_channel,
        bound.at
    from points
    inner join bound on bound.world_id = points.world_id and bound.contact_id = points.contact_id
    where bound.reason = 'deceased'
    union all
    select
        points.contact_id,
        points.channel,
        points.address,
        bound.event_key,
        bound.reason,
        bound.channel as bound_channel,
        bound.at
    from points
    inner join bound on bound.world_id = points.world_id and bound.address_base = points.address_base
    where bound.reason in ('left_company', 'undeliverable', 'deceased')

),

unusable as (

    select distinct
        blocked.contact_id,
        blocked.channel,
        blocked.address
    from blocked
    cross join builds
    left join lifted
        on blocked.reason = 'undeliverable' and lifted.event_key = blocked.event_key and lifted.address = blocked.address
    where
        blocked.at <= builds.as_of
        and coalesce(blocked.bound_channel, blocked.channel) = blocked.channel
        and (lifted.unusable_until is null or lifted.unusable_until > builds.as_of)

),

contact_points as (

    select
        points.contact_id,
        points.channel,
        points.address,
        points.is_role_address,
        unusable.contact_id is null as is_usable
    from points
    left join unusable
        on
            unusable.contact_id = points.contact_id
            and unusable.channel = points.channel
            and unusable.address = points.address

)

select * from contact_points
