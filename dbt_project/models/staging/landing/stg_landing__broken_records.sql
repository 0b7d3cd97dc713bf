with source as (

    select * from {{ source('raw', 'records') }}
    where broken_reason is not null

),

renamed as (

    select
        record_id,
        broken_reason
    from source

)

select * from renamed
