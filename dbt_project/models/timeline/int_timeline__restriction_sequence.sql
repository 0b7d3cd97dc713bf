-- R16: of the restrictions that reached a scope the latest says whether it was withdrawn or refused.

with restricted as (

    select * from {{ ref('int_timeline__restricted') }}
    where kind = 'restriction'

),

restriction_sequence as (

    select
        scope_period_id,
        at,
        event_key,
        reason,
        row_number() over (partition by scope_period_id order by at, event_key) as rank
    from restricted

)

select * from restriction_sequence
