-- All versions of the touched events, as they were read before and as they are read now.

with touched as (

    select * from {{ ref('touched_events') }}

),

landed as (

    select * from {{ ref('int_events__landed') }}

),

standing as (

    select * from {{ source('standing', 'int_events__received') }}

),

received as (

    select landed.* from landed
    inner join touched on touched.event_key = landed.event_key
    union
    select standing.* from standing
    inner join touched on touched.event_key = standing.event_key

)

select * from received
