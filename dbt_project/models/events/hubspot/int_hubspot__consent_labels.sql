-- R11: a label that says consent names neither text nor purpose: its evidence is incomplete.

with turns as (

    select * from {{ ref('int_hubspot__property_turns') }}
    where turn = 'consent_label'

),

events as (

    select
        source,
        event_id,
        'consent_given' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        phone as phone_text,
        first_name,
        last_name,
        company,
        country,
        birth_date as birth_date_text,
        channel,
        'hubspot_legal_basis' as method
    from turns

)

select * from events
