{# Bytes as a text of small hexadecimal digits. #}
{% macro hex_text(bytes) %}{{ return(adapter.dispatch('hex_text')(bytes)) }}{% endmacro %}
{% macro default__hex_text(bytes) -%}
    encode({{ bytes }}, 'hex')
{%- endmacro %}
