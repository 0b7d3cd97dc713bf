with source as (

    select * from {{ source('raw', 'listed') }}

),

renamed as (

    select
        listing_id,
        source_id
    from source

)

select * from renamed
