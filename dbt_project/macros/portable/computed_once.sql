{# Marks a named step whose expressions are dear and used often, so that they are computed once per row. #}
{% macro computed_once() %}{{ return(adapter.dispatch('computed_once')()) }}{% endmacro %}
{% macro default__computed_once() %}materialized{% endmacro %}
