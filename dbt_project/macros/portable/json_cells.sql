{# The names and texts of a JSON object's members, as rows of (name, cell); joined laterally. #}
{% macro json_cells(document) %}{{ return(adapter.dispatch('json_cells')(document)) }}{% endmacro %}
{% macro default__json_cells(document) -%}
    lateral jsonb_each_text({{ document }}) as cells (name, cell)
{%- endmacro %}

{# The parts of a text that a pattern's groups match, as an array; null where it does not match. #}
{% macro matched_parts(text, pattern) %}{{ return(adapter.dispatch('matched_parts')(text, pattern)) }}{% endmacro %}
{% macro default__matched_parts(text, pattern) -%}
    regexp_match({{ text }}, '{{ pattern }}')
{%- endmacro %}
