with source as (

    select * from {{ source('raw', 'pulls') }}

),

renamed as (

    select
        pull_id,
        source,
        state,
        records_seen,
        records_new,
        records_quarantined,
        started_at,
        finished_at
    from source

)

select * from renamed
