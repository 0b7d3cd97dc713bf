-- The contacts of touched events, and whoever shares a link with one: they may become one contact, or part.

with touched_events as (

    select * from {{ ref('touched_events') }}

),

touched_links as (

    select * from {{ ref('touched_links') }}

),

resolved as (

    select * from {{ source('standing', 'int_identity__resolved') }}

),

contact_links as (

    select * from {{ source('standing', 'int_identity__contact_links') }}

),

touched_contacts as (

    select resolved.contact_id from resolved
    inner join touched_events on touched_events.event_key = resolved.received_key
    union
    select contact_links.contact_id from contact_links
    inner join touched_links on touched_links.link = contact_links.link

)

select * from touched_contacts
