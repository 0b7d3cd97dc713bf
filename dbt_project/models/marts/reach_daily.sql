-- depends_on: {{ ref('int_renewals__due') }}: nothing of it is read, but who waits for that goes first
-- A row per day and scope, kept from each publication; the day that is decided for is counted anew.

with published_reach as (

    select * from {{ source('raw', 'published_reach') }}

),

builds as (

    select * from {{ ref('builds') }}

),

decisions as (

    select * from {{ ref('decisions') }}

),

bases as (

    select distinct ended_reason from {{ ref('bases') }}

),

today as (

    select
        builds.decided_on as day,
        decisions.channel,
        decisions.purpose,
        decisions.brand,
        cast(sum(case when decisions.marketable then 1 else 0 end) as integer) as reachable,
        cast(sum(
            case
                when decisions.marketable and builds.decided_on between decisions.renewal_due_on and decisions.expires_on then 1
                else 0
            end
        ) as integer) as due,
        cast(sum(case when bases.ended_reason is not null then 1 else 0 end) as integer) as expired
    from decisions
    cross join builds
    left join bases on bases.ended_reason = decisions.reason
    group by builds.decided_on, decisions.channel, decisions.purpose, decisions.brand

),

kept as (

    select
        published_reach.day,
        published_reach.channel,
        published_reach.purpose,
        published_reach.brand,
        published_reach.reachable,
        published_reach.due,
        published_reach.expired
    from published_reach
    inner join builds on builds.decided_on <> published_reach.day

),

reach_daily as (

    select * from kept
    union all
    select * from today

)

select * from reach_daily
