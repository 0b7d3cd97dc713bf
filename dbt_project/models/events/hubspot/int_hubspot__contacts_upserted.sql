-- R12, R41: what a version of a contact says of the person, a record of its own for each address that it carries.

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}
    where not is_archived

),

carried as (

    select
        contacts.*,
        '' as suffix,
        contacts.email as carried_email,
        coalesce(contacts.phone, contacts.mobile_phone) as carried_phone
    from contacts

    union all

    select
        contacts.*,
        '/email/' || additional.place as suffix,
        additional.part as carried_email,
        coalesce(contacts.phone, contacts.mobile_phone) as carried_phone
    from contacts
    cross join {{ text_parts('contacts.additional_emails', ';') }} as additional
    where btrim(additional.part) <> ''

    union all

    select
        contacts.*,
        '/mobile' as suffix,
        contacts.email as carried_email,
        contacts.mobile_phone as carried_phone
    from contacts
    where contacts.mobile_phone <> contacts.phone

),

-- The same moment of change with other content is a correction; the same content again is not (R9).
told as (

    select
        *,
        {{ first_receipt([
            'source', 'contact_id', 'modified_text', 'suffix', 'carried_email', 'carried_phone', 'first_name', 'last_name',
            'company', 'country', 'postcode', 'house_number', 'house_number_addition', 'street', 'city', 'birth_date'
        ]) }} as is_first
    from carried

),

events as (

    select
        source,
        'contacts/' || contact_id || '/' || modified_text || suffix as event_id,
        'contact_upserted' as event_type,
        record_id,
        payload_digest,
        received_at,
        modified_text as occurred_text,
        contact_id as source_contact_id,
        carried_email as email_text,
        carried_phone as phone_text,
        case when house_number is not null then country end as postal_country,
        case when house_number is not null then postcode end as postal_postcode,
        case when postcode is not null then house_number end as postal_house_number,
        case when postcode is not null then house_number_addition end as postal_addition,
        case when postcode is not null then street end as postal_street,
        case when postcode is not null then city end as postal_city,
        first_name,
        last_name,
        company,
        country,
        birth_date as birth_date_text
    from told
    where is_first

)

select * from events
