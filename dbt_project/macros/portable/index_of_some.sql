{# An index of those rows only that are ever looked up by it: the others are most, and to sort them all takes long. #}
{% macro index_of_some(relation, columns, condition) %}
    {{- return(adapter.dispatch('index_of_some')(relation, columns, condition)) -}}
{% endmacro %}
{% macro default__index_of_some(relation, columns, condition) -%}{%- endmacro %}
{% macro postgres__index_of_some(relation, columns, condition) -%}
    create index on {{ relation }} ({{ columns | join(', ') }}) where {{ condition }}
{%- endmacro %}
