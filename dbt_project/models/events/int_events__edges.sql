{#- A table of its own, so that both processors look for what stands at an edge; an evaluation asks nothing of it. -#}
{{ config(materialized='view' if is_evaluation() else 'table') }}
-- R8, R20: when was what is told alike of one person known first, and when did it happen first and last?

with newest as (

    select * from {{ ref('int_events__newest') }}

),

edges as (

    select
        world_id,
        told_alike,
        min(first_received_at) as first_known_at,
        min(stated_at) as first_stated_at,
        max(stated_at) as last_stated_at
    from newest
    where told_alike is not null
    group by world_id, told_alike

)

select * from edges
