{# Whether a record is the first that told what the given columns name: a source repeats in every version what it told before, and
   an identical redelivery keeps its first receipt (R9). #}
{% macro first_receipt(told) -%}
    row_number() over (partition by {{ told | join(', ') }} order by received_at, record_id) = 1
{%- endmacro %}
