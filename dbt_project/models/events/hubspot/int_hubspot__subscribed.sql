-- R11: a subscription is a consent only where HubSpot holds consent as its legal basis. One that is not in the seed is given a
-- purpose that no text covers: it is seen in the audit and permits nothing.

with told as (

    select * from {{ ref('int_hubspot__statuses_told') }}
    -- what permits does not count from the recycle bin
    where status = 'SUBSCRIBED' and legal_basis = 'CONSENT_WITH_NOTICE' and not is_archived

),

events as (

    select
        source,
        event_id,
        'consent_given' as event_type,
        record_id,
        payload_digest,
        received_at,
        status_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        first_name,
        last_name,
        company,
        country,
        birth_date as birth_date_text,
        scope_channel as channel,
        coalesce(mapped_purpose, 'hubspot_subscription_' || subscription_id) as purpose,
        mapped_brand as brand,
        'hubspot_subscription' as method,
        legal_basis_explanation as text_version
    from told

)

select * from events
