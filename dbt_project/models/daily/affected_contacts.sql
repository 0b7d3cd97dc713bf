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

    select contact_links.link from contact_links
    inner join replaced_contacts on replaced_contacts.contact_id = contact_links.contact_id
    union
    select link from touched_links

),

affected_contacts as (

    select contact_id from replaced_contacts
    union
    select contact_links.contact_id from contact_links
    inner join links on links.link = contact_links.link

)

select * from affected_contacts
