with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'hubspot.subscription_definitions' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        payload ->> 'id' as subscription_id,

        -- attributes
        payload ->> 'name' as subscription_name
    from source

)

select * from renamed
