with policy as (

    select * from {{ ref('policy') }}

),

named as (

    select distinct country from policy
    where country <> '*'

)

select * from named
