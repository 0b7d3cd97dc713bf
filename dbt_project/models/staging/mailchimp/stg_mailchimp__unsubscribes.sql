with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.unsubscribes' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        source_id as unsubscribe_id,
        payload ->> 'list_id' as list_id,
        split_part(source_id, '/', 1) as campaign_id,
        lower(payload ->> 'email_id') as address_digest,

        -- attributes
        nullif(btrim(payload ->> 'email_address'), '') as email,
        nullif(btrim(payload ->> 'reason'), '') as unsubscribe_reason,

        -- moments, as text
        {{ utc_instant("payload ->> 'timestamp'") }} as occurred_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
