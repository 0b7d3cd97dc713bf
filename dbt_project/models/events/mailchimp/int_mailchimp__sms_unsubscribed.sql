-- R23: who unsubscribed from text messages, of its number. Whatever the audience stands for, nobody is sent one.

with members as (

    select
        *,
        lag(sms_status) over (partition by source, list_id, member_id, sms_phone order by record_id) as sms_status_before
    from {{ ref('stg_mailchimp__members') }}
    where sms_phone is not null

),

turned as (

    select
        *,
        coalesce(sms_changed_text, changed_text) as left_text
    from members
    where sms_status = 'unsubscribed' and sms_status_before is distinct from 'unsubscribed'

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'sms_phone', 'left_text']) }} as is_first
    from turned

),

events as (

    select
        source,
        'sms_unsubscribes/' || list_id || '/' || member_id || '/' || record_id as event_id,
        'consent_withdrawn' as event_type,
        record_id,
        payload_digest,
        received_at,
        left_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        sms_phone as phone_text,
        country,
        'sms' as channel,
        'mailchimp_sms_unsubscribe' as method
    from told
    where is_first

)

select * from events
