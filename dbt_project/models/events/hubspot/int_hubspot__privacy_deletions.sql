-- R38: a contact that HubSpot deleted because the person asked for it.

with notices as (

    select
        *,
        {{ first_receipt(['source', 'contact_id', 'occurred_text']) }} as is_first
    from {{ ref('stg_hubspot__privacy_deletions') }}

),

events as (

    select
        source,
        'privacy_deletions/' || contact_id || '/' || coalesce(occurred_text, 'undated') as event_id,
        'erasure_requested' as event_type,
        record_id,
        payload_digest,
        received_at,
        occurred_text,
        contact_id as source_contact_id
    from notices
    where is_first

)

select * from events
