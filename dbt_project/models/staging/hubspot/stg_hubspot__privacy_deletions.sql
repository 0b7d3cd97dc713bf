with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'hubspot.privacy_deletions' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        payload ->> 'objectId' as contact_id,

        -- moments, as text
        {{ spelled_instant("payload ->> 'occurredAt'") }} as occurred_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
