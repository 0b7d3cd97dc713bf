with source as (

    select * from {{ source('raw', 'quarantine') }}

),

renamed as (

    select
        quarantine_id,
        source,
        object,
        position as stood_at,
        batch,
        reason,
        field,
        detail,
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
