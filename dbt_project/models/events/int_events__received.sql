with canonical as (

    select * from {{ ref('stg_canonical__events') }}

),

hubspot as (

    select * from {{ ref('int_events__from_hubspot') }}

),

mailchimp as (

    select * from {{ ref('int_events__from_mailchimp') }}

),

vendor_files as (

    select * from {{ ref('int_events__from_vendor_files') }}

),

addresses as (

    select * from {{ ref('stg_landing__addresses') }}

),

broken_records as (

    select * from {{ ref('stg_landing__broken_records') }}

),

delivered as (

    select * from canonical
    union all
    select * from hubspot
    union all
    select * from mailchimp
    union all
    select * from vendor_files

),

addressed as (

    select
        delivered.source || '/' || delivered.event_id as event_key,
        {%- for name, type in canonical_event_types() %}
        {{ "nullif(btrim(delivered." ~ name ~ "), '') as " ~ name if type == "text" else "delivered." ~ name }},
        {%- endfor %}
        case
            when emails.spelling is not null then emails.address
            when delivered.email_text like '%_@_%._%' and length(delivered.email_text) <= 320
                then lower(btrim(delivered.email_text, e' \t\r\n'))
        end as email,
        phones.address as phone,
        case
            -- what is longer is no address, and no index holds it
            when
                length(delivered.postal_postcode) <= 200
                and length(delivered.postal_house_number) <= 200
                and length(coalesce(delivered.postal_addition, '')) <= 200
                and length(coalesce(delivered.postal_country, delivered.country, '')) <= 200
                then
                    upper(coalesce(nullif(btrim(delivered.postal_country), ''), delivered.country, 'NL')) || '|'
                    || upper(regexp_replace(delivered.postal_postcode, '[^0-9A-Za-z]', '', 'g')) || '|'
                    || upper(regexp_replace(delivered.postal_house_number, '\s', '', 'g')) || '|'
                    || upper(regexp_replace(coalesce(delivered.postal_addition, ''), '[^0-9A-Za-z]', '', 'g'))
        end as postal,
        broken_records.broken_reason
    from delivered
    left join broken_records on broken_records.record_id = delivered.record_id
    left join addresses as emails
        on emails.kind = 'email' and emails.spelling = btrim(delivered.email_text) and emails.country = ''
    left join addresses as phones
        on
            phones.kind = 'phone'
            and phones.spelling = btrim(delivered.phone_text)
            and phones.country = coalesce(delivered.country, '')

)

select * from addressed
