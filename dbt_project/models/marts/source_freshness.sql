with connectors as (

    select * from {{ ref('connectors') }}

),

builds as (

    select * from {{ ref('builds') }}

),

pulls as (

    select * from {{ ref('stg_landing__pulls') }}

),

completed as (

    select
        source,
        max(finished_at) as last_pull_at,
        max(case when records_new > 0 then finished_at end) as newest_record_at
    from pulls
    where state = 'complete'
    group by source

),

source_freshness as (

    select
        connectors.source,
        completed.last_pull_at,
        completed.newest_record_at,
        connectors.max_age_hours,
        completed.last_pull_at is null
        or {{ add_seconds('completed.last_pull_at', '3600 * connectors.max_age_hours') }} < builds.known_at as is_stale
    from connectors
    cross join builds
    left join completed on completed.source = connectors.source

)

select * from source_freshness
