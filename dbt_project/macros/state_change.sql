{# The changes of one kind: the given columns, nothing for the others. #}
{% macro state_change(instant, given) %}
        scope_period_id,
        {{ instant }} as at,
        {{ given.get('life', '0') }} as life,
        {%- for rank in ['counted_rank', 'failed_rank', 'asked_rank', 'grant_rank', 'restriction_rank'] %}
        cast({{ given.get(rank, 'null') }} as bigint) as {{ rank }},
        {%- endfor %}
        cast({{ given.get('renewed_at', 'null') }} as timestamptz) as renewed_at
{%- endmacro %}
