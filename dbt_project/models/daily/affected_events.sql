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

received as (

    select * from {{ source('standing', 'int_events__received') }}

),

affected_events as (

    select event_key from touched_events
    union
    select resolved.received_key as event_key from resolved
    inner join affected_contacts on affected_contacts.contact_id = resolved.contact_id
    union
    select event_key from received
    where event_type = 'consent_revoked'

)

select * from affected_events
