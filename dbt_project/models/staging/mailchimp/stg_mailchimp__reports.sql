with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.reports' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        source_id as campaign_id,
        payload ->> 'list_id' as list_id,

        -- attributes
        payload ->> 'type' as campaign_type,
        payload ->> 'campaign_title' as campaign_title,

        -- moments, as text
        {{ utc_instant("payload ->> 'send_time'") }} as sent_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
