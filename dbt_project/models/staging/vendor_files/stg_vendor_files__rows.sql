with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'vendor.rows' and not is_excerpt

),

renamed as (

    select
        record_id,
        source,
        source_id as row_id,
        batch,
        payload ->> 'file_pattern' as file_pattern,
        payload -> 'row' as delivered_row,
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
