-- R9: the few events of which there is more than one version; of all others there is nothing to choose.

with received as (

    select * from {{ ref('int_events__received') }}

),

told_again as (

    select event_key from received
    group by event_key
    having count(*) > 1

)

select * from told_again
