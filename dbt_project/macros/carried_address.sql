{# The address that a record carries for a channel; null where it carries none (R12). #}
{% macro carried_address(event, channel) -%}
    case {{ channel }}
        when 'email' then {{ event }}.email
        when 'phone' then {{ event }}.phone
        when 'sms' then {{ event }}.phone
        when 'post' then {{ event }}.postal
    end
{%- endmacro %}

{# The address by which restrictions compare (R34): an e-mail address without its plus-tag. Few have one: the rest is told fast. #}
{% macro address_base(address) -%}
    case
        when {{ address }} like '%+%@%' then regexp_replace({{ address }}, '^([^+@]+)\+[^@]*@', '\1@')
        else {{ address }}
    end
{%- endmacro %}
