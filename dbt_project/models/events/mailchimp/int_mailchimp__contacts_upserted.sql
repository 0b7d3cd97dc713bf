-- R12, R41: what a version of a member says of the person.

with members as (

    select * from {{ ref('stg_mailchimp__members') }}
    where status <> 'archived'

),

-- The same moment of change with other content is a correction; the same content again is not (R9).
told as (

    select
        *,
        {{ first_receipt([
            'source', 'list_id', 'member_id', 'changed_text', 'email', 'phone', 'first_name', 'last_name', 'company', 'country',
            'postcode', 'house_number', 'house_number_addition', 'street', 'city'
        ]) }} as is_first
    from members

),

events as (

    select
        source,
        'members/' || list_id || '/' || member_id || '/' || coalesce(changed_text, 'undated') as event_id,
        'contact_upserted' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        phone as phone_text,
        case when house_number is not null then country end as postal_country,
        case when house_number is not null then postcode end as postal_postcode,
        case when postcode is not null then house_number end as postal_house_number,
        case when postcode is not null then house_number_addition end as postal_addition,
        case when postcode is not null then street end as postal_street,
        case when postcode is not null then city end as postal_city,
        first_name,
        last_name,
        company,
        country
    from told
    where is_first

)

select * from events
