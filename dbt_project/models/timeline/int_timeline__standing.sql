-- What stands over each scope period, each reason's restrictions and blocks joined where they touch: for whether it stands
-- at a moment it is all one how many say so.

with restricted as (

    select * from {{ ref('int_timeline__restricted') }}

),

reaching as (

    select
        *,
        max(until) over (
            partition by scope_period_id, precedence order by at, until rows between unbounded preceding and 1 preceding
        ) as reached_until
    from restricted

),

numbered as (

    select
        *,
        sum(case when at <= reached_until then 0 else 1 end) over (
            partition by scope_period_id, precedence order by at, until rows between unbounded preceding and current row
        ) as stretch
    from reaching

),

standing as (

    select
        scope_period_id,
        precedence,
        kind,
        min(at) as at,
        max(until) as until
    from numbered
    group by scope_period_id, precedence, kind, stretch

)

select * from standing
