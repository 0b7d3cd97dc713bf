-- Which events read otherwise than in the standing build: those that have landed, those of a platform that is read again
-- whose rows are new, changed or gone, and those that a touched recall names or named (R32).

with landed as (

    select * from {{ ref('int_events__landed') }}

),

received as {{ read_each_time() }} (

    select * from {{ source('standing', 'int_events__received') }}

),

read_again as (

    select * from {{ source('daily', 'sources_read_again') }}

),

before as (

    select received.* from received
    inner join read_again on read_again.source = received.source

),

come as (

    select * from landed
    except
    select * from before

),

gone as (

    select * from before
    except
    select * from landed

),

changed as (

    select event_key, event_type, source, refers_to_event_id, refers_to_batch from come
    union
    select event_key, event_type, source, refers_to_event_id, refers_to_batch from gone

),

-- what a recall named before is no longer recalled when its newest version names something else
versions as (

    select event_type, source, refers_to_event_id, refers_to_batch from changed
    union
    select received.event_type, received.source, received.refers_to_event_id, received.refers_to_batch from received
    inner join changed on changed.event_key = received.event_key

),

recalls as (

    select source, refers_to_event_id, refers_to_batch from versions
    where event_type = 'consent_revoked'

),

touched as (

    select event_key from changed
    union
    select received.event_key from received
    inner join recalls on recalls.source || '/' || recalls.refers_to_event_id = received.event_key
    union
    select received.event_key from received
    inner join recalls on recalls.source = received.source and recalls.refers_to_batch = received.batch

)

select * from touched
