-- R2-R4, R10, R15, R22-R24: from when until when is a consent live?

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

restricted as (

    select * from {{ ref('int_timeline__restricted') }}
    where kind = 'restriction'

),

chains as (

    select * from {{ ref('int_activity__chains') }}

),

-- what stands under no restriction at its instant
admitted as (

    select anchors.* from anchors
    where not exists (
        select 1 from restricted
        where
            restricted.epoch_id = anchors.epoch_id
            and restricted.at <= anchors.at
            and restricted.until > anchors.at
    )

),

-- every restriction ends what was live, so that a life lies between two of them
starts as (

    select epoch_id, {{ beginning() }} as stretch_from from epochs
    union
    select epoch_id, at as stretch_from from restricted

),

stretches as (

    select
        epoch_id,
        stretch_from,
        lead(stretch_from, 1, {{ forever() }}) over (partition by epoch_id order by stretch_from) as stretch_until
    from starts

),

carried as (

    select
        stretches.epoch_id,
        stretches.stretch_from,
        stretches.stretch_until,
        admitted.at as carried_from,
        admitted.carries_until,
        case when admitted.starts then admitted.at end as started_at
    from stretches
    inner join admitted
        on
            admitted.epoch_id = stretches.epoch_id
            and admitted.at >= stretches.stretch_from
            and admitted.at < stretches.stretch_until

    union all

    select
        stretches.epoch_id,
        stretches.stretch_from,
        stretches.stretch_until,
        greatest(chains.first_at, stretches.stretch_from) as carried_from,
        chains.carries_until,
        cast(null as timestamptz) as started_at
    from stretches
    inner join epochs on epochs.epoch_id = stretches.epoch_id
    inner join chains
        on
            chains.world_id = epochs.world_id
            and chains.contact_id = epochs.contact_id
            and chains.months = epochs.months
            and chains.last_at >= stretches.stretch_from
            and chains.first_at < stretches.stretch_until

),

-- an island is what hangs together; before its first start nothing in it is live
reaching as (

    select
        *,
        max(carries_until) over (
            partition by epoch_id, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and 1 preceding
        ) as reached_until
    from carried

),

numbered as (

    select
        *,
        sum(case when carried_from < reached_until then 0 else 1 end) over (
            partition by epoch_id, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and current row
        ) as island
    from reaching

),

islands as (

    select
        epoch_id,
        min(started_at) as live_from,
        least(max(carries_until), min(stretch_until)) as live_until
    from numbered
    group by epoch_id, stretch_from, island

),

live as (

    select * from islands
    where live_from is not null and live_from < live_until

)

select * from live
