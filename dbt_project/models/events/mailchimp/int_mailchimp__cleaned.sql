-- R26: Mailchimp cleans a member whose address does not work.

with turns as (

    select * from {{ ref('int_mailchimp__turns') }}
    where standing = 'cleaned'

),

events as (

    select
        source,
        'cleaned/' || turn_id as event_id,
        'email_bounced' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        'email' as channel,
        'hard' as bounce
    from turns

)

select * from events
