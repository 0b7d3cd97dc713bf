{# Whether a registry cell ("a|b|c", or "*" for any) holds a value. #}
{% macro list_holds(cell, value) -%}
    ({{ cell }} = '*' or '|' || {{ cell }} || '|' like '%|' || {{ value }} || '|%')
{%- endmacro %}

{# Whether a registry cell names a value itself; "*" does not (R31). #}
{% macro list_names(cell, value) -%}
    ('|' || {{ cell }} || '|' like '%|' || {{ value }} || '|%')
{%- endmacro %}
