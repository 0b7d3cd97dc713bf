{# A JSON value that is an array; an empty array for anything else, as unnesting it would fail. #}
{% macro json_array_or_empty(value) %}{{ return(adapter.dispatch('json_array_or_empty')(value)) }}{% endmacro %}
{% macro default__json_array_or_empty(value) -%}
    case when jsonb_typeof({{ value }}) = 'array' then {{ value }} else '[]' end
{%- endmacro %}

{# The texts of a JSON value as one list cell ("a|b"): an array's elements, or the one text that it is. Nothing where an
   element is no text, or holds a quotation mark or a backslash: then it names nothing. No subquery: that a model holds one
   in an expression keeps the server from reading with all its processors. #}
{% macro json_list_cell(value) %}{{ return(adapter.dispatch('json_list_cell')(value)) }}{% endmacro %}
{% macro default__json_list_cell(value) -%}
    case
        when jsonb_typeof({{ value }}) <> 'array' then {{ value }} #>> '{}'
        when {{ value }} #>> '{}' ~ '^\["[^"\\]*"(, "[^"\\]*")*\]$'
            then
                regexp_replace(
                    regexp_replace({{ value }} #>> '{}', ' *", " *', '|', 'g'), '^\[" *| *"\]$', '', 'g'
                )
    end
{%- endmacro %}
