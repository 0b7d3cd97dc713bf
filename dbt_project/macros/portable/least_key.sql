{# The least of keys as key_of makes them: not every engine can tell that of uuids, and texts of one length order alike. #}
{% macro least_key(key) %}{{ return(adapter.dispatch('least_key')(key)) }}{% endmacro %}
{% macro default__least_key(key) -%}
    cast(min(cast({{ key }} as text)) as uuid)
{%- endmacro %}
