-- R2: activity anchors while a permission is live. What keeps it live is an island: each act within the months of the
-- one before. A timeline needs only the islands, however many acts there were.

with counted as (

    select distinct world_id, contact_id, occurred_at from {{ ref('int_activity__counted') }}
    where is_activity

),

months as (

    select distinct cast(value as integer) as months from {{ ref('policy_periods') }}
    where key = 'inactivity_months'

),

carried as (

    select
        counted.world_id,
        counted.contact_id,
        counted.occurred_at,
        months.months,
        {{ carried_until("counted.occurred_at", "months.months") }} as carries_until
    from counted
    cross join months

),

opened as (

    select
        *,
        case
            when occurred_at < lag(carries_until) over (
                partition by world_id, contact_id, months order by occurred_at
            ) then 0
            else 1
        end as opens
    from carried

),

numbered as (

    select
        *,
        sum(opens) over (partition by world_id, contact_id, months order by occurred_at) as island
    from opened

),

islands as (

    select
        world_id,
        contact_id,
        months,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        max(carries_until) as carries_until
    from numbered
    group by world_id, contact_id, months, island

)

select * from islands
