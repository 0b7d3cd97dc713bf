{#- In a full build a view, read once; in a daily one what has landed since is asked again and again. -#}
{{ config(materialized='table' if is_daily() else 'view', post_hook="{{ analyze_table(this) }}" if is_daily() else []) }}
-- R34, R41: what has landed, read as canonical events with their addresses in one spelling.

with addresses as (

    select * from {{ ref('stg_landing__addresses') }}

),

country_names as (

    select * from {{ ref('country_names') }}

),

-- by which country a number or postal address is read whose record and file name none (R34)
default_countries as (

    select
        value as country,
        valid_from,
        valid_to
    from {{ ref('policy') }}
    where key = 'default_country' and country = '*' and channel = '*'

),

broken_records as (

    select * from {{ ref('stg_landing__broken_records') }}

),

delivered as (
    {{ union_of_events([
        'stg_canonical__events',
        'int_events__from_hubspot',
        'int_events__from_mailchimp',
        'int_events__from_vendor_files',
    ]) }}

),

countried as (

    select
        delivered.*,
        {{ read_country('delivered.country', 'countries.country') }} as named_country,
        {{ read_country('delivered.postal_country', 'postal_countries.country') }} as named_postal_country
    from delivered
    left join country_names as countries on countries.folded_name = {{ country_spelling('delivered.country') }}
    left join country_names as postal_countries
        on postal_countries.folded_name = {{ country_spelling('delivered.postal_country') }}

),

addressed as (

    select
        countried.source || '/' || countried.event_id as event_key,
        {%- for name, type in canonical_event_types() if name != 'country' %}
        {{ "nullif(btrim(countried." ~ name ~ "), '') as " ~ name if type == "text" else "countried." ~ name }},
        {%- endfor %}
        countried.named_country as country,
        case
            when emails.spelling is not null then emails.address
            when countried.email_text like '%_@_%._%' and length(countried.email_text) <= 320
                then lower(btrim(countried.email_text, e' \t\r\n'))
        end as email,
        phones.address as phone,
        case
            -- what is longer is no address, and no index holds it
            when
                length(countried.postal_postcode) <= 200
                and length(countried.postal_house_number) <= 200
                and length(coalesce(countried.postal_addition, '')) <= 200
                then
                    coalesce(
                        countried.named_postal_country, countried.named_country, countried.default_country,
                        default_countries.country
                    )
                    || '|' || upper(regexp_replace(countried.postal_postcode, '\.0+$|[^0-9A-Za-z]', '', 'g'))
                    || '|' || upper(regexp_replace(countried.postal_house_number, '\.0+$|{{ blanks() }}', '', 'g'))
                    || '|' || upper(regexp_replace(coalesce(countried.postal_addition, ''), '[^0-9A-Za-z]', '', 'g'))
        end as postal,
        broken_records.broken_reason
    from countried
    left join broken_records on broken_records.record_id = countried.record_id
    left join default_countries
        on
            {{ local_date('countried.received_at') }} >= default_countries.valid_from
            and {{ local_date('countried.received_at') }} <= coalesce(
                default_countries.valid_to, {{ local_date('countried.received_at') }}
            )
    left join addresses as emails
        on emails.kind = 'email' and emails.spelling = btrim(countried.email_text) and emails.country = ''
    left join addresses as phones
        on
            phones.kind = 'phone'
            and phones.spelling = btrim(countried.phone_text)
            and phones.country = coalesce(countried.named_country, countried.default_country, '')

)

select * from addressed
