{# Whether a record is the first that told what the given columns name: a source repeats in every version what it told before, and
   an identical redelivery keeps its first receipt (R9). `relation` qualifies the columns of the receipt. #}
{% macro first_receipt(told, relation=none) -%}
    {%- set at = relation ~ "." if relation else "" -%}
    row_number() over (partition by {{ told | join(', ') }} order by {{ at }}received_at, {{ at }}record_id) = 1
{%- endmacro %}
