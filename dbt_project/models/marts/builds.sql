with this_build as (

    select * from {{ source('build', 'this_build') }}

),

builds as (

    select
        run_id,
        as_of,
        {{ local_date('as_of') }} as decided_on,
        known_at,
        policy_version
    from this_build

)

select * from builds
