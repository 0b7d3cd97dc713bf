{# The distinct texts of a group, sorted, in one text; null where there are none. #}
{% macro sorted_list(text) %}{{ return(adapter.dispatch('sorted_list')(text)) }}{% endmacro %}
{% macro default__sorted_list(text) -%}
    string_agg(distinct {{ text }}, ', ' order by {{ text }})
{%- endmacro %}
{% macro spark__sorted_list(text) -%}
    nullif(array_join(sort_array(collect_set({{ text }})), ', '), '')
{%- endmacro %}
