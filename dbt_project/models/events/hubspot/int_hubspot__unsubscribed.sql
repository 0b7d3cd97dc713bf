-- R23: who unsubscribed. A subscription that is not in the seed ends every purpose of its channel, and so does one whose status
-- HubSpot takes from an opt-out of all that the account sends, or of all that one brand of it does.

with told as (

    select
        *,
        coalesce(status_source like 'PORTAL_WIDE%', false) as is_of_all,
        coalesce(status_source like 'BRAND_WIDE%', false) as is_of_brand
    from {{ ref('int_hubspot__statuses_told') }}
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
        case when not is_of_all and not is_of_brand then mapped_purpose end as purpose,
        case when not is_of_all then mapped_brand end as brand,
        'hubspot_subscription' as method
    from told

)

select * from events
