{# What a person wrote, as a text of a type: a yes or no, a number with a point or a comma; null where it is none. #}
{% macro typed_or_null(text, type) %}{{ return(adapter.dispatch('typed_or_null')(text, type)) }}{% endmacro %}
{% macro default__typed_or_null(text, type) -%}
    {%- if type == 'boolean' -%}
    case
        when lower(btrim({{ text }})) in ('true', 't', 'yes', 'y', 'ja', 'j', '1') then true
        when lower(btrim({{ text }})) in ('false', 'f', 'no', 'n', 'nee', '0') then false
    end
    {%- elif type == 'numeric' -%}
    case when btrim({{ text }}) ~ '^-?\d{1,30}([.,]\d{1,30})?$' then cast(replace(btrim({{ text }}), ',', '.') as numeric) end
    {%- else -%}
    {{ text }}
    {%- endif -%}
{%- endmacro %}
