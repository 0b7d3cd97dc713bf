{# A JSON value that is an array; an empty array for anything else, as unnesting it would fail. #}
{% macro json_array_or_empty(value) %}{{ return(adapter.dispatch('json_array_or_empty')(value)) }}{% endmacro %}
{% macro default__json_array_or_empty(value) -%}
    case when jsonb_typeof({{ value }}) = 'array' then {{ value }} else '[]' end
{%- endmacro %}
