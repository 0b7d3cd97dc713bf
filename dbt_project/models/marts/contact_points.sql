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

unusable as (

    select distinct
        points.contact_id,
        points.channel,
        points.address
    from points
    cross join builds
    inner join bound
        on
            (bound.contact_id = points.contact_id and bound.reason = 'deceased')
            or (bound.address_base = points.address_base and bound.reason in ('left_company', 'undeliverable', 'deceased'))
    left join lifted
        on bound.reason = 'undeliverable' and lifted.event_key = bound.event_key and lifted.address = points.address
    where
        bound.at <= builds.as_of
        and coalesce(bound.channel, points.channel) = points.channel
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
