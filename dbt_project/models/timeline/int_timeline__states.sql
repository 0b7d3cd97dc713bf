-- Every moment at which anything changes for a scope, and what then stands: one pass over the changes in their order.

{%- set precedences = range(1, 9) %}

with live as (

    select * from {{ ref('int_timeline__live') }}

),

relied as (

    select * from {{ ref('int_timeline__relied') }}

),

restricted as (

    select * from {{ ref('int_timeline__restricted') }}

),

statements as (

    select * from {{ ref('int_timeline__statements') }}

),

orders as (

    select * from {{ ref('int_timeline__orders') }}

),

changes as (

    select
        {{- state_change('at', {
            'counted_place': 'case when class = 1 then place end',
            'failed_place': 'case when class = 2 then place end',
            'asked_place': 'case when class = 3 then place end'
        }) }}
    from statements
    union all
    select {{- state_change('lapses_at', {}) }}
    from statements
    where lapses_at is not null
    union all
    select {{- state_change('live_from', {'life': '1'}) }}
    from live
    union all
    select {{- state_change('live_until', {'life': '-1'}) }}
    from live
    union all
    select {{- state_change('at', {'relied_place': 'place', 'renewed_at': 'renewed_at'}) }}
    from relied
    union all
    select {{- state_change('at', {'standing': '1'}) }}
    from restricted
    union all
    select {{- state_change('until', {'standing': '-1'}) }}
    from restricted
    where until < {{ forever() }}
    union all
    select {{- state_change('at', {'order_place': 'place'}) }}
    from orders

),

moments as (

    select
        epoch_id,
        at,
        sum(life) as life,
        max(counted_place) as counted_place,
        max(failed_place) as failed_place,
        max(asked_place) as asked_place,
        max(relied_place) as relied_place,
        max(order_place) as order_place,
        max(renewed_at) as renewed_at,
        {%- for precedence in precedences %}
        sum(standing_{{ precedence }}) as standing_{{ precedence }}{{ "," if not loop.last }}
        {%- endfor %}
    from changes
    group by epoch_id, at

),

states as (

    select
        epoch_id,
        at as state_from,
        lead(at, 1, {{ forever() }}) over (partition by epoch_id order by at) as state_until,
        sum(life) over so_far > 0 as is_live,
        max(counted_place) over so_far as counted_place,
        max(failed_place) over so_far as failed_place,
        max(asked_place) over so_far as asked_place,
        max(relied_place) over so_far as relied_place,
        max(order_place) over so_far as order_place,
        max(renewed_at) over so_far as renewed_at,
        {%- for precedence in precedences %}
        sum(standing_{{ precedence }}) over so_far > 0 as is_standing_{{ precedence }}{{ "," if not loop.last }}
        {%- endfor %}
    from moments
    window so_far as (partition by epoch_id order by at rows between unbounded preceding and current row)

),

summed as (

    select
        epoch_id,
        state_from,
        state_until,
        is_live,
        counted_place,
        failed_place,
        asked_place,
        relied_place,
        order_place,
        renewed_at,
        case
            {%- for precedence in precedences %}
            when is_standing_{{ precedence }} then {{ precedence }}
            {%- endfor %}
        end as precedence,
        is_standing_2
        or is_standing_3
        or is_standing_4
        or is_standing_5
        or is_standing_6 as is_restricted
    from states

)

select * from summed
