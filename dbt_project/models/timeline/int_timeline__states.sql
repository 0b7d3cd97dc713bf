-- Every moment at which anything changes for a scope period, and what then stands: one pass over the changes in their order.

with live as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__live') }}

),

effective_grants as (

    select * from {{ ref('int_timeline__effective_grants') }}

),

standing as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__standing') }}

),

statements as {{ read_each_time() }} (

    select * from {{ ref('int_timeline__statements') }}

),

restriction_sequence as (

    select * from {{ ref('int_timeline__restriction_sequence') }}

),

changes as {{ read_each_time() }} (

    select
        {{- state_change('at', {
            'counted_rank': 'case when class = 1 then rank end',
            'failed_rank': 'case when class = 2 then rank end',
            'asked_rank': 'case when class = 3 then rank end'
        }) }}
    from statements
    union all
    select {{- state_change('lapses_at', {}) }}
    from statements
    where lapses_at is not null
    union all
    select {{- state_change('live_from', {'life': '1'}) }}
    from live
    union all
    select {{- state_change('live_until', {'life': '-1'}) }}
    from live
    union all
    select {{- state_change('at', {'grant_rank': 'rank', 'renewed_at': 'renewed_at'}) }}
    from effective_grants
    union all
    select {{- state_change('at', {}) }}
    from standing
    union all
    select {{- state_change('until', {}) }}
    from standing
    where until < {{ forever() }}
    union all
    select {{- state_change('at', {'restriction_rank': 'rank'}) }}
    from restriction_sequence

),

moments as (

    select
        scope_period_id,
        at,
        sum(life) as life,
        max(counted_rank) as counted_rank,
        max(failed_rank) as failed_rank,
        max(asked_rank) as asked_rank,
        max(grant_rank) as grant_rank,
        max(restriction_rank) as restriction_rank,
        max(renewed_at) as renewed_at
    from changes
    group by scope_period_id, at

),

states as (

    select
        scope_period_id,
        at as state_from,
        lead(at, 1, {{ forever() }}) over (partition by scope_period_id order by at) as state_until,
        sum(life) over so_far > 0 as is_live,
        max(counted_rank) over so_far as counted_rank,
        max(failed_rank) over so_far as failed_rank,
        max(asked_rank) over so_far as asked_rank,
        max(grant_rank) over so_far as grant_rank,
        max(restriction_rank) over so_far as restriction_rank,
        max(renewed_at) over so_far as renewed_at
    from moments
    window so_far as (partition by scope_period_id order by at rows between unbounded preceding and current row)

),

-- few scope periods have any, and theirs are found faster than those of all are kept for a second look
looked_at as (

    select distinct
        changes.scope_period_id,
        changes.at as state_from
    from changes
    where changes.scope_period_id in (select standing.scope_period_id from standing)

),

-- of several reasons the first in their order is given; a restriction changes the status, a block does not
reaching as (

    select
        looked_at.scope_period_id,
        looked_at.state_from,
        standing.precedence,
        standing.event_key,
        row_number() over (
            partition by looked_at.scope_period_id, looked_at.state_from order by standing.precedence
        ) as rank,
        bool_or(standing.kind = 'restriction') over (
            partition by looked_at.scope_period_id, looked_at.state_from
        ) as is_restricted
    from looked_at
    inner join standing
        on
            standing.scope_period_id = looked_at.scope_period_id
            and standing.at <= looked_at.state_from
            and standing.until > looked_at.state_from

),

restricted as (

    select * from reaching
    where rank = 1

),

described as (

    select
        states.*,
        restricted.precedence,
        restricted.event_key as stands_by,
        coalesce(restricted.is_restricted, false) as is_restricted
    from states
    left join restricted
        on restricted.scope_period_id = states.scope_period_id and restricted.state_from = states.state_from

)

select * from described
