{# A key that is the same for events that say the same of the same person, of what was received, before any of it is read. #}
{% macro told_alike(relation) -%}
    {%- set names = [] -%}
    {%- for name in [
        'source', 'lead_channel', 'source_contact_id', 'email_text', 'phone_text', 'first_name', 'last_name', 'company',
        'country', 'default_country', 'recipient_form',
    ] -%}
        {%- set _ = names.append(relation ~ '.' ~ name) -%}
    {%- endfor -%}
    {{ key_of_all(names) }}
{%- endmacro %}
