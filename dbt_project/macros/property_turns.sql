{# Whether a property's value is on, by the test of its row in a seed: `is` (equals on_value), `contains` (on_value, in any
   capitals), `is_filled`. #}
{% macro is_on(value, test) -%}
    coalesce(
        case {{ test }}.on_when
            when 'is' then {{ value }} = {{ test }}.on_value
            when 'contains' then lower({{ value }}) like '%' || lower({{ test }}.on_value) || '%'
            when 'is_filled' then {{ value }} <> ''
        end,
        false
    )
{%- endmacro %}

{# Whether a value is a turn to on: the one before it was off, or was another where each value tells something. #}
{% macro turns_on(value, value_before, test) -%}
    (
        {{ is_on(value, test) }}
        and (not {{ is_on(value_before, test) }} or ({{ test }}.tells_each_value and {{ value }} is distinct from {{ value_before }}))
    )
{%- endmacro %}
