{# R27: the addresses that can be read in a cell of a received event that is not one address: a select's end, after its `from`. #}
{% macro join_addresses_within(received, kind) -%}
    inner join {{ ref('stg_landing__addresses_within') }} as within
        on
            within.kind = '{{ kind }}'
            and within.spelling = {{ received }}.{{ kind }}_text
            {%- if kind == 'email' %}
            and within.country = ''
            {%- else %}
            and within.country = coalesce({{ received }}.country, {{ received }}.default_country, '')
            {%- endif %}
    where {{ received }}.{{ kind }} is null
{%- endmacro %}

{# R34, R35: everything by which a received event can be connected with another; more than identity needs, never less.
   `of` is the column that tells whose the links are. Each part reads the relation on its own: kept whole for all of them, the
   events would be written out once more. #}
{% macro links_of(relation, of='event_key') -%}
    select {{ of }}, 'address:' || {{ address_base('email') }} as link from {{ relation }}
    where email is not null
    union
    select {{ of }}, 'address:' || phone as link from {{ relation }}
    where phone is not null
    union
    select {{ of }}, 'address:' || postal as link from {{ relation }}
    where postal is not null
    union
    {%- for kind in ['email', 'phone'] %}
    select received.{{ of }}, 'address:' || {{ address_base('within.address') }} as link from {{ relation }} as received
    {{ join_addresses_within('received', kind) }}
    union
    {%- endfor %}
    select {{ of }}, 'contact:' || source || '/' || source_contact_id as link from {{ relation }}
    where source_contact_id is not null
    union
    select {{ of }}, 'contact:' || coalesce(refers_to_source, source) || '/' || refers_to_source_contact_id as link
    from {{ relation }}
    where refers_to_source_contact_id is not null
{%- endmacro %}
