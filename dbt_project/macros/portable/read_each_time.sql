{# Marks an import that is read several times: the server keeps no copy of it, and plans each by the table's statistics. #}
{% macro read_each_time() %}{{ return(adapter.dispatch('read_each_time')()) }}{% endmacro %}
{% macro default__read_each_time() %}not materialized{% endmacro %}
