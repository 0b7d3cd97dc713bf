-- R23: who unsubscribed. A subscription that is not in the seed ends every purpose of its channel.

with told as (

    select * from {{ ref('int_hubspot__statuses_told') }}
    where status = 'UNSUBSCRIBED'

),

events as (

    select
        source,
        event_id,
        'consent_withdrawn' as event_type,
        record_id,
        payload_digest,
        received_at,
        status_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        scope_channel as channel,
        mapped_purpose as purpose,
        mapped_brand as brand,
        'hubspot_subscription' as method
    from told

)

select * from events
