with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.members' and not is_excerpt

),

boxes as (

    select
        source.source,
        source.record_id,
        box.place,
        box.value
    from source
    cross join {{ json_elements("source.payload -> 'marketing_permissions'") }} as box

),

renamed as (

    select
        source,
        record_id,
        place,
        value ->> 'text' as permission,
        coalesce(value ->> 'enabled' = 'true', false) as is_on
    from boxes

)

select * from renamed
