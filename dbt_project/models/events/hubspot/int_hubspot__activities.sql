-- R20: what a contact did. The last click is left out: it may be a machine's (R21).

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}
    where not is_archived

),

done as (

    select
        contacts.*,
        'replies' as event_kind,
        'reply_received' as event_type,
        contacts.last_replied_text as occurred_text
    from contacts
    where contacts.last_replied_text is not null

    union all

    select
        contacts.*,
        'forms' as event_kind,
        'form_submitted' as event_type,
        contacts.last_conversion_text as occurred_text
    from contacts
    where contacts.last_conversion_text is not null

),

told as (

    select
        *,
        {{ first_receipt(['source', 'event_kind', 'contact_id', 'occurred_text']) }} as is_first
    from done

),

events as (

    select
        source,
        event_kind || '/' || contact_id || '/' || occurred_text as event_id,
        event_type,
        record_id,
        payload_digest,
        received_at,
        occurred_text,
        contact_id as source_contact_id,
        email as email_text
    from told
    where is_first

)

select * from events
