-- Which events a daily build is about: all of the affected contacts, the touched ones, and every recall, which names a batch
-- or an event and not a person (R32).

with touched_events as (

    select * from {{ ref('touched_events') }}

),

affected_contacts as (

    select * from {{ ref('affected_contacts') }}

),

resolved as (

    select * from {{ source('standing', 'int_identity__resolved') }}

),

received as {{ read_each_time() }} (

    select * from {{ source('standing', 'int_events__received') }}

),

events_received as (

    select * from {{ ref('touched_events_received') }}

),

of_contacts as (

    select received_key as event_key from resolved
    where {{ one_of_few('contact_id', 'contact_id', 'affected_contacts') }}

),

-- Of what is told alike those stand for all that are the first and the last, and are among the events of their contacts. Others
-- may come to where something is told alike anew, or no longer.
told_alike as (

    select distinct told_alike from events_received
    where told_alike is not null

),

affected_events as (

    select event_key from touched_events
    union
    select event_key from of_contacts
    union
    select event_key from received
    where {{ one_of_few('told_alike', 'told_alike', 'told_alike') }}
    union
    select event_key from received
    where event_type = 'consent_revoked'

)

select * from affected_events
