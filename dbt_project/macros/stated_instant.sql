{# The instant that a text states by itself, with its offset; null where it states none. Nearly every machine writes one of the
   two spellings that are looked at first: beside each of their signs stands a digit, which is told for a third of what the whole
   pattern costs. #}
{% macro stated_instant(text) -%}
    case
        when
            {{ text }} like '____-__-__T__:__:__Z' and {{ text }} !~ '[^0-9][^0-9]|^.?.?[^0-9]'
            or {{ text }} like '____-__-__T__:__:__+__:__' and {{ text }} !~ '[^0-9][^0-9]|^.?.?[^0-9]|[^0-9]$'
            then {{ instant_or_null(text) }}
        when
            btrim({{ text }})
            ~ '^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)? ?([Zz]|[+-]\d{2}:?\d{2})$'
            then {{ instant_or_null(text) }}
    end
{%- endmacro %}

{# The wall clock's time that a text states without an offset; null where it states none. Of a date alone a permission takes the
   beginning, a restriction the end. #}
{% macro stated_wall_clock(text, timed_as) -%}
    case
        when {{ text }} ~ '^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?$'
            then {{ wall_clock_or_null(text) }}
        when {{ text }} ~ '^\d{4}-\d{2}-\d{2}$' and {{ timed_as }} = 'restriction'
            then {{ wall_clock_or_null(text ~ " || ' 23:59:59.999999'") }}
        when {{ text }} ~ '^\d{4}-\d{2}-\d{2}$'
            then {{ wall_clock_or_null(text) }}
    end
{%- endmacro %}

{# Whether something can have happened at an instant: what lies before 1995 or after 8999 was never a date (R7). #}
{% macro is_believable(instant) -%}
    {{ instant }} >= {{ start_of_day("cast('1995-01-01' as date)") }}
    and {{ instant }} < {{ start_of_day("cast('9000-01-01' as date)") }}
{%- endmacro %}
