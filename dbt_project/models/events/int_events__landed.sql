{#- In a full build a view, read once; in a daily one what has landed since is asked again and again. -#}
{{ config(materialized='table' if is_daily() else 'view') }}
-- R6, R34, R41: what has landed, read as canonical events with their addresses in one spelling and their moment.

-- each of what is asked twice is imported twice: PostgreSQL works on a CTE that is read once only with both processors
with emails as (

    select * from {{ ref('stg_landing__addresses') }}
    where kind = 'email'

),

phones as (

    select * from {{ ref('stg_landing__addresses') }}
    where kind = 'phone'

),

countries as (

    select * from {{ ref('country_names') }}

),

postal_countries as (

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

event_types as (

    select * from {{ ref('event_types') }}

),

sources as (

    select * from {{ ref('sources') }}

),

lead_channels as (

    select * from {{ ref('lead_channels') }}

),

delivered as (

    select * from {{ ref('int_events__of_all_sources') }}

),

countried as (

    select
        delivered.*,
        {{ read_country('delivered.country', 'countries.country') }} as named_country,
        {{ read_country('delivered.postal_country', 'postal_countries.country') }} as named_postal_country
    from delivered
    left join countries on countries.folded_name = {{ country_spelling('delivered.country') }}
    left join postal_countries
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
        {{ stated_instant('countried.occurred_text') }} as stated_instant,
        {{ stated_wall_clock('btrim(countried.occurred_text)', 'event_types.timed_as') }} as wall_clock,
        event_types.timed_as,
        coalesce(sources.timezone, '{{ var("business_time_zone") }}') as zone,
        broken_records.broken_reason,
        -- What decides nothing tells at most whose an address is, and so often that few of those that tell it alike suffice
        -- (`int_events__known`). What may come to stand in quarantine is not among them, since each is named there. It is
        -- of what was received, so that nothing is read twice.
        case
            when
                not event_types.decides
                and broken_records.broken_reason is null
                and sources.party = 'first_party'
                and lead_channels.state = 'cleared'
                and (countried.source_contact_id is not null or countried.email_text is not null)
                and countried.postal_postcode is null
                and countried.refers_to_event_id is null
                and countried.refers_to_batch is null
                and countried.refers_to_source_contact_id is null
                -- nothing that timing may not take for a date
                and left(countried.occurred_text, 4) between '1996' and '8998'
                then {{ told_alike('countried') }}
        end as told_alike
    from countried
    left join event_types on event_types.event_type = countried.event_type
    left join sources on sources.source = countried.source
    left join lead_channels
        on lead_channels.lead_channel = coalesce(nullif(btrim(countried.lead_channel), ''), sources.lead_channel)
    left join broken_records on broken_records.record_id = countried.record_id
    left join default_countries
        on
            {{ local_date('countried.received_at') }} >= default_countries.valid_from
            and {{ local_date('countried.received_at') }} <= coalesce(
                default_countries.valid_to, {{ local_date('countried.received_at') }}
            )
    left join emails
        on emails.spelling = btrim(countried.email_text) and emails.country = ''
    left join phones
        on
            phones.spelling = btrim(countried.phone_text)
            and phones.country = coalesce(countried.named_country, countried.default_country, '')

),

-- of two instants that a wall clock may tell, a permission takes the earlier, a restriction the later
stated as (

    select
        event_key,
        {%- for name, _ in received_event_types() %}
        {{ name }},
        {%- endfor %}
        email,
        phone,
        postal,
        coalesce(
            stated_instant,
            case
                when timed_as = 'restriction' then {{ later_instant('wall_clock', 'zone') }}
                else {{ earlier_instant('wall_clock', 'zone') }}
            end
        ) as stated_at,
        broken_reason,
        told_alike
    from addressed

)

select * from stated
