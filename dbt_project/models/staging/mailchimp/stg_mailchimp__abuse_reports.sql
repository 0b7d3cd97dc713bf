with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.abuse_reports' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        source_id as abuse_report_id,
        split_part(source_id, '/', 1) as list_id,
        nullif(payload ->> 'campaign_id', '') as campaign_id,
        lower(payload ->> 'email_id') as address_digest,

        -- attributes
        nullif(btrim(payload ->> 'email_address'), '') as email,

        -- moments, as text
        {{ utc_instant("payload ->> 'date'") }} as occurred_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
