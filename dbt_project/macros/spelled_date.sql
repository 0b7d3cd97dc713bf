{# A date's parts, as texts, in ISO form; it need not be a date that there is. #}
{% macro spelled_date(year, month, day) -%}
    {{ year }} || '-' || lpad({{ month }}, 2, '0') || '-' || lpad({{ day }}, 2, '0')
{%- endmacro %}
