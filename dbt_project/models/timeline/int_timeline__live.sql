-- R2-R4, R10, R15, R18, R22-R24, R42: from when until when is a basis live?

with anchors as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__anchors') }}

),

-- without a start nothing ever is live
startable as (

    select distinct scope_period_id from anchors
    where starts

),

scope_periods as (

    select scope_periods.* from {{ ref('int_timeline__scope_periods') }} as scope_periods
    inner join startable on startable.scope_period_id = scope_periods.scope_period_id

),

restricted as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__restricted') }}
    where kind = 'restriction'

),

activity_islands as (

    select * from {{ ref('int_activity__islands') }}

),

-- what stands under no restriction at its instant
admitted as (

    select anchors.* from anchors
    where not exists (
        select 1 from restricted
        where
            restricted.scope_period_id = anchors.scope_period_id
            and restricted.at <= anchors.at
            and restricted.until > anchors.at
    )

),

-- every restriction ends what was live, so that a life lies between two of them
starts as (

    select scope_period_id, {{ beginning() }} as stretch_from from scope_periods
    union
    select scope_period_id, at as stretch_from from restricted

),

stretches as (

    select
        scope_period_id,
        stretch_from,
        lead(stretch_from, 1, {{ forever() }}) over (partition by scope_period_id order by stretch_from) as stretch_until
    from starts

),

carried as (

    select
        stretches.scope_period_id,
        stretches.stretch_from,
        stretches.stretch_until,
        admitted.at as carried_from,
        admitted.carries_until,
        case when admitted.starts then admitted.at end as started_at,
        case when admitted.starts then admitted.counts_from end as counts_from
    from stretches
    inner join admitted
        on
            admitted.scope_period_id = stretches.scope_period_id
            and admitted.at >= stretches.stretch_from
            and admitted.at < stretches.stretch_until

    union all

    select
        stretches.scope_period_id,
        stretches.stretch_from,
        stretches.stretch_until,
        greatest(activity_islands.first_at, stretches.stretch_from) as carried_from,
        activity_islands.carries_until,
        cast(null as timestamptz) as started_at,
        cast(null as timestamptz) as counts_from
    from stretches
    -- where activity anchors nothing only a permission of its own does (R42)
    inner join scope_periods
        on scope_periods.scope_period_id = stretches.scope_period_id and scope_periods.is_extended_by_activity
    inner join activity_islands
        on
            activity_islands.world_id = scope_periods.world_id
            and activity_islands.contact_id = scope_periods.contact_id
            and activity_islands.months = scope_periods.months
            and activity_islands.last_at >= stretches.stretch_from
            and activity_islands.first_at < stretches.stretch_until

),

-- an island is what hangs together; before its first start nothing in it is live
reaching as (

    select
        *,
        max(carries_until) over (
            partition by scope_period_id, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and 1 preceding
        ) as reached_until
    from carried

),

numbered as (

    select
        *,
        sum(case when carried_from < reached_until then 0 else 1 end) over (
            partition by scope_period_id, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and current row
        ) as island
    from reaching

),

lives as (

    select
        scope_period_id,
        min(started_at) as began_at,
        -- what is informed later than it began is live from then on (R18)
        greatest(min(started_at), min(counts_from)) as live_from,
        least(max(carries_until), min(stretch_until)) as live_until
    from numbered
    group by scope_period_id, stretch_from, island

),

live as (

    select * from lives
    where live_from is not null and live_from < live_until

)

select * from live
