{# One key for several columns: joins on many correlated columns are planned badly on every engine. #}
{% macro key_of(columns) %}{{ return(adapter.dispatch('key_of')(columns)) }}{% endmacro %}
{% macro default__key_of(columns) -%}
    cast(md5(concat_ws('|', {{ columns | join(', ') }})) as uuid)
{%- endmacro %}

{# A key as key_of makes it, that begins alike for all of one whole: rows that are sorted by it, as those with a history are, lie
   together. What is of no whole, as an address that nobody carries is no contact's, has its own key all the same. #}
{% macro key_within(whole, columns) %}{{ return(adapter.dispatch('key_within')(whole, columns)) }}{% endmacro %}
{% macro default__key_within(whole, columns) -%}
    cast(left(md5(coalesce({{ whole }}, '')), 8) || right(md5(concat_ws('|', {{ columns | join(', ') }})), 24) as uuid)
{%- endmacro %}

{# The first twelve digits of a text's digest: tells texts apart where they are too long for an id. #}
{% macro short_digest(text) -%}
    left(md5({{ text }}), 12)
{%- endmacro %}

{# A key of columns that may be null or hold anything: no two of them give one key. #}
{% macro key_of_all(columns) %}{{ return(adapter.dispatch('key_of_all')(columns)) }}{% endmacro %}
{% macro default__key_of_all(columns) -%}
    cast(md5(cast(row({{ columns | join(', ') }}) as text)) as uuid)
{%- endmacro %}
