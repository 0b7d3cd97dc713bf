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

    select contact_id from resolved
    where {{ one_of_few('received_key', 'event_key', 'touched_events') }}
    union
    select contact_id from contact_links
    where {{ one_of_few('link', 'link', 'touched_links') }}

)

select * from touched_contacts
