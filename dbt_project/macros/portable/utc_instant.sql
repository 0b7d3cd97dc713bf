{# A moment that an API gives in ISO 8601 with an offset, as RFC 3339 text in UTC with milliseconds, so that one moment
   has one spelling; null where it is empty. Any other text stays as it is: the events model says what it is worth. #}
{% macro utc_instant(text) %}{{ return(adapter.dispatch('utc_instant')(text)) }}{% endmacro %}
{% macro default__utc_instant(text) -%}
    case
        when {{ text }} ~ '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$'
            and pg_input_is_valid({{ text }}, 'timestamptz')
            then to_char(cast({{ text }} as timestamptz) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        else nullif(btrim({{ text }}), '')
    end
{%- endmacro %}
