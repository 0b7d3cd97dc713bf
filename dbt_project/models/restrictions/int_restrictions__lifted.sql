-- R26: after a hard bounce a counted act or a confirmation that carries the very address makes it usable again.

with bounces as (

    select bound.* from {{ ref('int_restrictions__bound') }} as bound
    inner join {{ ref('reasons') }} as reasons on reasons.reason = bound.reason and reasons.restored_by = 'own_act'
    where bound.address_base is not null

),

points as (

    select distinct world_id, address, address_base from {{ ref('int_restrictions__points') }}
    where channel = 'email'

),

counted as (

    select * from {{ ref('int_activity__counted') }}
    where email is not null

),

lifted as (

    select
        bounces.world_id,
        bounces.event_key,
        points.address,
        bounces.at as unusable_from,
        -- asked here and not of the join, which would look through all that was counted since, for each address
        coalesce(
            min(case when counted.occurred_at > bounces.at then counted.occurred_at end), {{ forever() }}
        ) as unusable_until
    from bounces
    inner join points on points.world_id = bounces.world_id and points.address_base = bounces.address_base
    left join counted on counted.world_id = points.world_id and counted.email = points.address
    group by bounces.world_id, bounces.event_key, points.address, bounces.at

)

select * from lifted
