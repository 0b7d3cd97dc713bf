-- What stands over each scope period, each reason's restrictions and blocks joined where they touch: for whether it stands
-- at a moment it is all one how many say so.

with restricted as (

    select * from {{ ref('int_timeline__restricted') }}

),

reaching as (

    select
        *,
        max(until) over (
            partition by scope_period_id, precedence
            order by at, until, event_key rows between unbounded preceding and 1 preceding
        ) as reached_until
    from restricted

),

opened as (

    select
        *,
        case when at <= reached_until then 0 else 1 end as opens
    from reaching

),

numbered as (

    select
        *,
        sum(opens) over (
            partition by scope_period_id, precedence
            order by at, until, event_key rows between unbounded preceding and current row
        ) as stretch
    from opened

),

standing as (

    select
        scope_period_id,
        precedence,
        kind,
        min(at) as at,
        max(until) as until,
        max(case when opens = 1 then event_key end) as event_key
    from numbered
    group by scope_period_id, precedence, kind, stretch

)

select * from standing
