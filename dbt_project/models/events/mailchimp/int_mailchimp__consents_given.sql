-- R11: a consent, told by the first version of the member that shows it.

with consenting as (

    select * from {{ ref('int_mailchimp__consenting') }}

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'is_by_form', 'consented_text']) }} as is_first
    from consenting

),

events as (

    select
        source,
        case when is_by_form then 'consents/' else 'additions/' end
        || list_id || '/' || member_id || '/' || coalesce(consented_text, 'undated') as event_id,
        'consent_given' as event_type,
        record_id,
        payload_digest,
        received_at,
        consented_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        first_name,
        last_name,
        company,
        country,
        'email' as channel,
        asked_purpose as purpose,
        asked_brand as brand,
        case when is_by_form then 'mailchimp_form' else 'mailchimp_addition' end as method,
        case when is_by_form and is_permitted then text_version end as text_version,
        case when is_by_form then form_url end as form_url,
        case when is_by_form then ip_signup end as ip,
        is_by_form as shows_way_in
    from told
    where is_first

)

select * from events
