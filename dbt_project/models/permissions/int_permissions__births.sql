{{ config(indexes=[{'columns': ['event_key']}]) }}
-- R28: when was the person of a consent born, by the youngest reading of what its own record says? Days and months change places
-- (05/12/2014), HubSpot gives milliseconds, and where only a year can be read it is its last day.

with events as (

    select * from {{ ref('int_events__judged') }}
    where event_type in ('consent_given', 'consent_renewed') and birth_date_text is not null

),

stated as (

    select
        world_id,
        event_key,
        btrim(birth_date_text) as stated,
        {{ local_date('received_at') }} as received_on
    from events
    where not {{ states_nothing('birth_date_text') }}

),

parted as (

    select
        *,
        {{ matched_parts('stated', '^(\\d{4})\\D(\\d{1,2})\\D(\\d{1,2})(?:\\D.*)?$') }} as year_first,
        {{ matched_parts('stated', '^(\\d{4})(\\d{2})(\\d{2})$') }} as year_first_compact,
        {{ matched_parts('stated', '^(\\d{1,2})\\D+(\\d{1,2})\\D+(\\d{4})(?:\\D.*)?$') }} as year_last,
        {{ matched_parts('stated', '^(\\d{2})(\\d{2})(\\d{4})$') }} as year_last_compact,
        {{ matched_parts('stated', '^(\\d{1,2})\\D+(\\d{1,2})\\D+(\\d{2})$') }} as short_year,
        {{ matched_parts('stated', '(?:^|\\D)((?:19|20)\\d{2})(?:\\D|$)') }} as some_year,
        case when stated ~ '^-?\d{9,14}$' then cast(stated as numeric) end as epoch
    from stated

),

spelled as (

    select
        world_id,
        event_key,
        received_on,
        some_year[1] || '-12-31' as last_day_of_year,
        {{ spelled_date('year_first[1]', 'year_first[2]', 'year_first[3]') }} as reading_1,
        {{ spelled_date('year_first_compact[1]', 'year_first_compact[2]', 'year_first_compact[3]') }} as reading_2,
        {{ spelled_date('year_last[3]', 'year_last[2]', 'year_last[1]') }} as reading_3,
        {{ spelled_date('year_last[3]', 'year_last[1]', 'year_last[2]') }} as reading_4,
        {{ spelled_date('year_last_compact[3]', 'year_last_compact[2]', 'year_last_compact[1]') }} as reading_5,
        {{ spelled_date('year_last_compact[3]', 'year_last_compact[1]', 'year_last_compact[2]') }} as reading_6,
        -- of a year in two digits the one of this century, unless it is still to come
        {%- for century in ('20', '19') %}
        {%- set last = "'" ~ century ~ "' || short_year[3]" %}
        {%- set first = "'" ~ century ~ "' || lpad(short_year[1], 2, '0')" %}
        {{ spelled_date(last, 'short_year[2]', 'short_year[1]') }} as day_first_{{ century }},
        {{ spelled_date(last, 'short_year[1]', 'short_year[2]') }} as month_first_{{ century }},
        {{ spelled_date(first, 'short_year[2]', 'short_year[3]') }} as year_first_{{ century }},
        {%- endfor %}
        {{ epoch_date('epoch / 1000') }} as born_by_milliseconds,
        case when abs(epoch) < 10000000000 then {{ epoch_date('epoch') }} end as born_by_seconds
    from parted

),

read as (

    select
        *,
        greatest(
            {%- for number in range(1, 7) %}
            {{ date_or_null('reading_' ~ number) }},
            {%- endfor %}
            {%- for order in ('day_first', 'month_first', 'year_first') %}
            case when {{ date_or_null(order ~ '_20') }} <= received_on then {{ date_or_null(order ~ '_20') }} end,
            {{ date_or_null(order ~ '_19') }},
            {%- endfor %}
            case when born_by_milliseconds <= received_on then born_by_milliseconds end,
            case when born_by_seconds <= received_on then born_by_seconds end
        ) as whole_date
    from spelled

),

births as (

    select
        world_id,
        event_key,
        coalesce(whole_date, {{ date_or_null('last_day_of_year') }}) as born_on
    from read

)

select * from births
