{# What PostgreSQL and Spark SQL spell differently about time. Each macro has one meaning on every engine. #}

{# The date of an instant in the business time zone (R1). #}
{% macro local_date(instant) %}{{ return(adapter.dispatch('local_date')(instant)) }}{% endmacro %}
{% macro default__local_date(instant) -%}
    cast({{ instant }} at time zone '{{ var("business_time_zone") }}' as date)
{%- endmacro %}

{# The instant at which a date begins in the business time zone (R1). #}
{% macro start_of_day(day) %}{{ return(adapter.dispatch('start_of_day')(day)) }}{% endmacro %}
{% macro default__start_of_day(day) -%}
    (cast({{ day }} as timestamp) at time zone '{{ var("business_time_zone") }}')
{%- endmacro %}

{# A date so many months later, clamped to the month's end (R2, R3). #}
{% macro add_months(day, months) %}{{ return(adapter.dispatch('add_months')(day, months)) }}{% endmacro %}
{% macro default__add_months(day, months) -%}
    cast({{ day }} + make_interval(months => cast({{ months }} as integer)) as date)
{%- endmacro %}

{# A date so many days later. #}
{% macro add_days(day, days) %}{{ return(adapter.dispatch('add_days')(day, days)) }}{% endmacro %}
{% macro default__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

{# An instant so many seconds later; fractions count. #}
{% macro add_seconds(instant, seconds) %}{{ return(adapter.dispatch('add_seconds')(instant, seconds)) }}{% endmacro %}
{% macro default__add_seconds(instant, seconds) -%}
    ({{ instant }} + make_interval(secs => cast({{ seconds }} as double precision)))
{%- endmacro %}

{# A text as an instant where it names its offset; null where it is no date. #}
{% macro instant_or_null(text) %}{{ return(adapter.dispatch('instant_or_null')(text)) }}{% endmacro %}
{% macro default__instant_or_null(text) -%}
    case when pg_input_is_valid({{ text }}, 'timestamptz') then cast({{ text }} as timestamptz) end
{%- endmacro %}

{# A text as a wall-clock time; null where it is none. #}
{% macro wall_clock_or_null(text) %}{{ return(adapter.dispatch('wall_clock_or_null')(text)) }}{% endmacro %}
{% macro default__wall_clock_or_null(text) -%}
    case when pg_input_is_valid({{ text }}, 'timestamp') then cast({{ text }} as timestamp) end
{%- endmacro %}

{# A text as a date; null where it is none. #}
{% macro date_or_null(text) %}{{ return(adapter.dispatch('date_or_null')(text)) }}{% endmacro %}
{% macro default__date_or_null(text) -%}
    case when {{ text }} ~ '^\d{4}-\d{2}-\d{2}$' and pg_input_is_valid({{ text }}, 'date') then cast({{ text }} as date) end
{%- endmacro %}

{# The date, in UTC, of a moment in seconds since 1970; null where there is none. #}
{% macro epoch_date(seconds) %}{{ return(adapter.dispatch('epoch_date')(seconds)) }}{% endmacro %}
{% macro default__epoch_date(seconds) -%}
    cast(to_timestamp({{ seconds }}) at time zone 'UTC' as date)
{%- endmacro %}

{# A wall-clock time of a zone as an instant (R6): in the spring gap it is shifted forward, in the
   ambiguous autumn hour this is the later one. #}
{% macro later_instant(wall_clock, zone) %}{{ return(adapter.dispatch('later_instant')(wall_clock, zone)) }}{% endmacro %}
{% macro default__later_instant(wall_clock, zone) -%}
    ({{ wall_clock }} at time zone {{ zone }})
{%- endmacro %}

{# The same, but of an ambiguous hour the earlier instant (R6). Clocks go back by an hour, on one island by half. #}
{% macro earlier_instant(wall_clock, zone) %}{{ return(adapter.dispatch('earlier_instant')(wall_clock, zone)) }}{% endmacro %}
{% macro default__earlier_instant(wall_clock, zone) -%}
    case
        when ({{ later_instant(wall_clock, zone) }} - interval '1 hour') at time zone {{ zone }} = {{ wall_clock }}
            then {{ later_instant(wall_clock, zone) }} - interval '1 hour'
        when ({{ later_instant(wall_clock, zone) }} - interval '30 minutes') at time zone {{ zone }} = {{ wall_clock }}
            then {{ later_instant(wall_clock, zone) }} - interval '30 minutes'
        else {{ later_instant(wall_clock, zone) }}
    end
{%- endmacro %}

{# Before and after all time. #}
{% macro beginning() %}{{ return(adapter.dispatch('beginning')()) }}{% endmacro %}
{% macro default__beginning() %}cast('-infinity' as timestamptz){% endmacro %}
{% macro forever() %}{{ return(adapter.dispatch('forever')()) }}{% endmacro %}
{% macro default__forever() %}cast('infinity' as timestamptz){% endmacro %}

{# How many seconds lie between two instants. #}
{% macro seconds_between(earlier, later) %}{{ return(adapter.dispatch('seconds_between')(earlier, later)) }}{% endmacro %}
{% macro default__seconds_between(earlier, later) -%}
    extract(epoch from {{ later }} - {{ earlier }})
{%- endmacro %}
{% macro spark__seconds_between(earlier, later) -%}
    (cast({{ later }} as double) - cast({{ earlier }} as double))
{%- endmacro %}
