{# Before a model that looks up many rows of a large table: their places are found first, and fetched together, so that the server
   need not wait for one before it asks for the next. #}
{% macro fetch_all_at_once() %}{{ return(adapter.dispatch('fetch_all_at_once')()) }}{% endmacro %}
{% macro default__fetch_all_at_once() -%}
{%- endmacro %}
{% macro postgres__fetch_all_at_once() -%}
    set local enable_indexscan = off
{%- endmacro %}
