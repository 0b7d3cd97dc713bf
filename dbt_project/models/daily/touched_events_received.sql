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
    select * from standing
    where {{ one_of_few('event_key', 'event_key', 'touched') }}

)

select * from received
