{# Whether a column is one of the values of a relation's, which are few beside the rows that are asked: as a list the server looks
   all of them up in the order of the index, and waits less for each than it does where it joins them. #}
{% macro one_of_few(column, values, relation) %}{{ return(adapter.dispatch('one_of_few')(column, values, relation)) }}{% endmacro %}
{% macro default__one_of_few(column, values, relation) -%}
    {{ column }} in (select {{ values }} from {{ relation }})
{%- endmacro %}
{% macro postgres__one_of_few(column, values, relation) -%}
    {{ column }} = any(array(select {{ values }} from {{ relation }}))
{%- endmacro %}
