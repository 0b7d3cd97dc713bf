{# Whether this build computes only what has changed since the standing one, in schemas of its own (docs/engineer.md). #}
{% macro is_daily() %}{{ return(var('daily', false)) }}{% endmacro %}
