with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.activity' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        split_part(source_id, '/', 1) as list_id,
        split_part(source_id, '/', 2) as member_id,
        nullif(payload ->> 'campaign_id', '') as campaign_id,

        -- attributes
        payload ->> 'activity_type' as activity_type,
        nullif(btrim(payload ->> 'link_clicked'), '') as link,
        lower(payload ->> 'bounce_type') as bounce,
        nullif(btrim(payload ->> 'unsubscribe_reason'), '') as unsubscribe_reason,
        payload ->> 'marketing_permisson_text' as marketing_permission,

        -- booleans
        payload ->> 'is_admin_unsubscribed' = 'true' as is_unsubscribed_by_admin,
        payload ->> 'marketing_permission_opted_in' = 'true' as has_opted_in_to_marketing_permission,

        -- moments, as text
        {{ utc_instant("payload ->> 'created_at_timestamp'") }} as occurred_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
