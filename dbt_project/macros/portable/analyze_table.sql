{# Gathers the statistics of a table that was just made; nothing for a view. #}
{% macro analyze_table(relation) %}{{ return(adapter.dispatch('analyze_table')(relation)) }}{% endmacro %}
{% macro default__analyze_table(relation) -%}
    {%- if config.get('materialized') != 'view' -%}analyze {{ relation }}{%- endif -%}
{%- endmacro %}
