with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'hubspot.subscription_statuses' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        split_part(source_id, '/', 1) as contact_id,
        payload ->> 'subscriptionId' as subscription_id,

        -- attributes
        payload ->> 'subscriptionName' as subscription_name,
        payload ->> 'subscriberIdString' as email,
        lower(payload ->> 'channel') as channel,
        payload ->> 'status' as status,
        payload ->> 'source' as status_source,
        payload ->> 'legalBasis' as legal_basis,
        nullif(btrim(payload ->> 'legalBasisExplanation'), '') as legal_basis_explanation,

        -- moments, as text
        {{ spelled_instant("payload ->> 'timestamp'") }} as status_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
