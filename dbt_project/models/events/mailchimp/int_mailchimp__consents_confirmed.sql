-- R14: the opt-in that came after the signup, told by the first version of the member that shows it.

with consenting as (

    select * from {{ ref('int_mailchimp__consenting') }}
    where is_by_form and is_permitted and not is_our_opt_in and opted_in_at > signed_up_at

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'opt_in_text']) }} as is_first
    from consenting

),

events as (

    select
        source,
        'confirmations/' || list_id || '/' || member_id || '/' || opt_in_text as event_id,
        'consent_confirmed' as event_type,
        record_id,
        payload_digest,
        received_at,
        opt_in_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        country,
        'email' as channel,
        asked_purpose as purpose,
        asked_brand as brand,
        'mailchimp_double_opt_in' as method,
        ip_opt as ip
    from told
    where is_first

)

select * from events
