{# A moment that an API gives as RFC 3339 text or as epoch milliseconds, always as RFC 3339 text in UTC; null where
   it is empty. Any other spelling stays as it is: the events model says what it is worth. #}
{% macro spelled_instant(text) -%}
    case
        when {{ text }} ~ '^\d{9,14}$'
            then
                to_char(
                    to_timestamp(cast({{ text }} as numeric) / 1000) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
                )
        else nullif(btrim({{ text }}), '')
    end
{%- endmacro %}
