{# A join with the policy row in force: give the alias, the key, and where country, channel and date come from.
   The country must be one of policy_countries, else '*' (see policy_country). #}
{% macro join_policy(alias, key, country, channel, day) -%}
    left join {{ ref('policy_periods') }} as {{ alias }}
        on
            {{ alias }}.key = '{{ key }}'
            and {{ alias }}.country = {{ country }}
            and {{ alias }}.channel = {{ channel }}
            and {{ day }} >= {{ alias }}.valid_from
            and {{ day }} < {{ alias }}.valid_until
{%- endmacro %}

{# A country as policy_periods knows it: by its name where the policy names it, else '*'. #}
{% macro policy_country(country) -%}
    case when {{ country }} in (select country from {{ ref('policy_countries') }}) then {{ country }} else '*' end
{%- endmacro %}
