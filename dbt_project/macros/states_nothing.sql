{# Whether a text only fills its field, as `-`, `n/a` or `unknown` does (R35, R41). #}
{% macro states_nothing(text) -%}
    (
        {{ text }} ~ '^[-\s\u2013\u2014.,_*?/\\()''"]*$'
        or {{ folded_name(text) }} in (select {{ folded_name('placeholder') }} from {{ ref('placeholders') }})
    )
{%- endmacro %}

{# The country that a text names, as ISO 3166 alpha-2: `ZZ` where it cannot be read, null where it states nothing (R41). Needs a
   join of `country_names` on country_spelling. #}
{% macro read_country(text, country) -%}
    case
        when {{ text }} is null or {{ states_nothing(text) }} then null
        else coalesce({{ country }}, 'ZZ')
    end
{%- endmacro %}

{# The spelling by which a country is looked up: U.S.A. is USA. #}
{% macro country_spelling(text) -%}
    case
        when {{ folded_name(text) }} ~ '^[a-z]( [a-z])+$' then replace({{ folded_name(text) }}, ' ', '')
        else {{ folded_name(text) }}
    end
{%- endmacro %}
