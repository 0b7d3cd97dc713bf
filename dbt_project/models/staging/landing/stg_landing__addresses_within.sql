with source as (

    select * from {{ source('raw', 'addresses_within') }}

),

renamed as (

    select
        kind,
        raw as spelling,
        country,
        address
    from source

)

select * from renamed
