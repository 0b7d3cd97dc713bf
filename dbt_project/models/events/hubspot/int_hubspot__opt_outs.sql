-- R23: a property that says no.

with turns as (

    select * from {{ ref('int_hubspot__property_turns') }}
    where turn = 'opt_out'

),

events as (

    select
        source,
        event_id,
        'consent_withdrawn' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        channel,
        purpose,
        brand,
        'hubspot_opt_out' as method
    from turns

)

select * from events
