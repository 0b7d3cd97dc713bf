with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.email_activity' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        source_id as activity_id,
        payload ->> 'list_id' as list_id,
        split_part(source_id, '/', 1) as campaign_id,
        lower(payload ->> 'email_id') as address_digest,

        -- attributes
        nullif(btrim(payload ->> 'email_address'), '') as email,
        payload #>> '{activity,action}' as activity_type,
        nullif(btrim(payload #>> '{activity,url}'), '') as link,
        lower(payload #>> '{activity,type}') as bounce,
        nullif(btrim(payload #>> '{activity,ip}'), '') as ip,

        -- moments, as text
        {{ utc_instant("payload #>> '{activity,timestamp}'") }} as occurred_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
