with source as (

    select * from {{ source('raw', 'listings') }}

),

renamed as (

    select
        listing_id,
        source,
        object,
        started_at,
        ended_at
    from source

)

select * from renamed
