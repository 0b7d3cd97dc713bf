-- R26: mail that came back for good.

with turns as (

    select * from {{ ref('int_hubspot__property_turns') }}
    where turn = 'hard_bounce'

),

events as (

    select
        source,
        event_id,
        'email_bounced' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        channel,
        'hard' as bounce
    from turns

)

select * from events
