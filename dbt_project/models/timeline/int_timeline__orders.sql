-- R16: of the restrictions that reached a scope the latest says whether it was withdrawn or refused.

with restricted as (

    select * from {{ ref('int_timeline__restricted') }}
    where kind = 'restriction'

),

orders as (

    select
        epoch_id,
        at,
        event_key,
        reason,
        row_number() over (partition by epoch_id order by at, event_key) as place
    from restricted

)

select * from orders
