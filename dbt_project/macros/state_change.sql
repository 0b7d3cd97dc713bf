{# The changes of one kind: the given columns, nothing for the others. #}
{% macro state_change(instant, given) %}
        epoch_id,
        {{ instant }} as at,
        {{ given.get('life', '0') }} as life,
        {%- for place in ['counted_place', 'failed_place', 'asked_place', 'relied_place', 'order_place'] %}
        cast({{ given.get(place, 'null') }} as bigint) as {{ place }},
        {%- endfor %}
        cast({{ given.get('renewed_at', 'null') }} as timestamptz) as renewed_at,
        {%- for precedence in range(1, 9) %}
        {% if 'standing' in given %}case when precedence = {{ precedence }} then {{ given.standing }} else 0 end{% else %}0{% endif %} as standing_{{ precedence }}{{ "," if not loop.last }}
        {%- endfor %}
{%- endmacro %}
