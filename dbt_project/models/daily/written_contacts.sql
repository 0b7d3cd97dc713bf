-- The contacts whose rows take the place of those of the standing build: all that now hold an event which is touched or was
-- of a replaced contact.

with resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

touched_events as (

    select * from {{ ref('touched_events') }}

),

replaced_contacts as (

    select * from {{ ref('replaced_contacts') }}

),

before as (

    select * from {{ source('standing', 'int_identity__resolved') }}

),

judged as (

    select * from {{ ref('int_events__judged') }}

),

events_received as (

    select * from {{ ref('touched_events_received') }}

),

written_events as (

    select event_key from before
    where {{ one_of_few('contact_id', 'contact_id', 'replaced_contacts') }}
    union
    select resolved.event_key from resolved
    inner join touched_events on touched_events.event_key = resolved.received_key
    union
    -- what now stands for those that it is told alike with
    select judged.event_key from judged
    inner join events_received on events_received.told_alike = judged.told_alike

),

written_contacts as (

    select distinct resolved.contact_id from resolved
    inner join written_events on written_events.event_key = resolved.event_key

)

select * from written_contacts
