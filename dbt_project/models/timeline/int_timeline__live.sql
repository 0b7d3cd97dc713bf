-- R2-R4, R10, R15, R22-R24: from when until when is a consent live?

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

restricted as (

    select restricted.* from {{ ref('int_timeline__restricted') }} as restricted
    inner join {{ ref('reasons') }} as reasons on reasons.reason = restricted.reason
    where reasons.kind = 'restriction'

),

chains as (

    select * from {{ ref('int_activity__chains') }}

),

-- what stands under no restriction at its instant
admitted as (

    select anchors.*
    from anchors
    where not exists (
        select 1 from restricted
        where
            restricted.world_id = anchors.world_id
            and restricted.contact_id = anchors.contact_id
            and restricted.channel = anchors.channel
            and restricted.address = anchors.address
            and restricted.purpose = anchors.purpose
            and restricted.brand = anchors.brand
            and restricted.epoch_from = anchors.epoch_from
            and restricted.at <= anchors.at
            and restricted.until > anchors.at
    )

),

-- every restriction ends what was live, so that a life lies between two of them
stretches as (

    select
        *,
        lead(stretch_from, 1, {{ forever() }}) over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from order by stretch_from
        ) as stretch_until
    from (
        select world_id, contact_id, channel, address, purpose, brand, epoch_from, {{ beginning() }} as stretch_from
        from epochs
        union
        select world_id, contact_id, channel, address, purpose, brand, epoch_from, at as stretch_from
        from restricted
    ) as starts

),

carried as (

    select
        stretches.world_id,
        stretches.contact_id,
        stretches.channel,
        stretches.address,
        stretches.purpose,
        stretches.brand,
        stretches.epoch_from,
        stretches.stretch_from,
        stretches.stretch_until,
        admitted.at as carried_from,
        admitted.carries_until,
        case when admitted.starts then admitted.at end as started_at
    from stretches
    inner join admitted
        on
            admitted.world_id = stretches.world_id
            and admitted.contact_id = stretches.contact_id
            and admitted.channel = stretches.channel
            and admitted.address = stretches.address
            and admitted.purpose = stretches.purpose
            and admitted.brand = stretches.brand
            and admitted.epoch_from = stretches.epoch_from
            and admitted.at >= stretches.stretch_from
            and admitted.at < stretches.stretch_until

    union all

    select
        stretches.world_id,
        stretches.contact_id,
        stretches.channel,
        stretches.address,
        stretches.purpose,
        stretches.brand,
        stretches.epoch_from,
        stretches.stretch_from,
        stretches.stretch_until,
        greatest(chains.first_at, stretches.stretch_from) as carried_from,
        chains.carries_until,
        cast(null as timestamptz) as started_at
    from stretches
    inner join epochs
        on
            epochs.world_id = stretches.world_id
            and epochs.contact_id = stretches.contact_id
            and epochs.channel = stretches.channel
            and epochs.address = stretches.address
            and epochs.purpose = stretches.purpose
            and epochs.brand = stretches.brand
            and epochs.epoch_from = stretches.epoch_from
    inner join chains
        on
            chains.world_id = stretches.world_id
            and chains.contact_id = stretches.contact_id
            and chains.months = epochs.months
            and chains.last_at >= stretches.stretch_from
            and chains.first_at < stretches.stretch_until

),

-- an island is what hangs together; before its first start nothing in it is live
reaching as (

    select
        *,
        max(carries_until) over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and 1 preceding
        ) as reached_until
    from carried

),

numbered as (

    select
        *,
        sum(case when carried_from < reached_until then 0 else 1 end) over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from, stretch_from
            order by carried_from, coalesce(started_at, {{ forever() }}), carries_until
            rows between unbounded preceding and current row
        ) as island
    from reaching

),

islands as (

    select
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        epoch_from,
        min(started_at) as live_from,
        least(max(carries_until), min(stretch_until)) as live_until
    from numbered
    group by world_id, contact_id, channel, address, purpose, brand, epoch_from, stretch_from, island

),

live as (

    select * from islands
    where live_from is not null and live_from < live_until

)

select * from live
