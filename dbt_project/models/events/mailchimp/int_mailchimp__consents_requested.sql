-- R16: who was asked to confirm and did not has permitted nothing.

with members as (

    select
        *,
        coalesce(signup_text, changed_text) as requested_text,
        coalesce(signup_text, 'added') as request
    from {{ ref('int_mailchimp__members_judged') }}
    where status = 'pending' and (signup_text is null or not needs_confirmation)

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'request']) }} as is_first
    from members

),

events as (

    select
        source,
        'requests/' || list_id || '/' || member_id || '/' || coalesce(requested_text, 'undated') as event_id,
        'consent_requested' as event_type,
        record_id,
        payload_digest,
        received_at,
        requested_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        'email' as channel,
        asked_purpose as purpose,
        asked_brand as brand,
        case when signup_text is not null then 'mailchimp_form' else 'mailchimp_addition' end as method
    from told
    where is_first

)

select * from events
