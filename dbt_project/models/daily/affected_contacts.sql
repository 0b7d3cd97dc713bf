-- Whom a daily build is about: who is replaced, and whoever carries an address of those, who must be read to know of them.

with replaced_contacts as (

    select * from {{ ref('replaced_contacts') }}

),

touched_links as (

    select * from {{ ref('touched_links') }}

),

contact_links as {{ read_each_time() }} (

    select * from {{ source('standing', 'int_identity__contact_links') }}

),

links as (

    select link from contact_links
    where {{ one_of_few('contact_id', 'contact_id', 'replaced_contacts') }}
    union
    select link from touched_links

),

affected_contacts as (

    select contact_id from replaced_contacts
    union
    select contact_id from contact_links
    where {{ one_of_few('link', 'link', 'links') }}

)

select * from affected_contacts
