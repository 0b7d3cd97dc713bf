{# R2: the last valid day of what an anchor carries: its local date and so many months, added once (R3), clamped. #}
{% macro last_valid_day(anchored_at, months) -%}
    {{ add_months(local_date(anchored_at), months) }}
{%- endmacro %}

{# R2: the first instant after that day. #}
{% macro carried_until(anchored_at, months) -%}
    {{ start_of_day(add_days(last_valid_day(anchored_at, months), 1)) }}
{%- endmacro %}
