-- R36: a contact's id comes from its oldest record, so an id that was published and is no longer a contact's own answers
-- with the contact that holds its record now.

with published_contacts as (

    select * from {{ source('raw', 'published_contacts') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

builds as (

    select * from {{ ref('builds') }}

),

-- an id is the digest of the key of the record that named the contact
named as (

    select
        md5(event_key) as contact_id,
        contact_id as redirects_to
    from resolved

),

contact_redirects as (

    select
        published_contacts.contact_id,
        named.redirects_to,
        coalesce(published_contacts.retired_at, builds.known_at) as since
    from published_contacts
    cross join builds
    inner join named on named.contact_id = published_contacts.contact_id
    inner join contacts on contacts.contact_id = named.redirects_to
    where named.redirects_to <> published_contacts.contact_id

)

select * from contact_redirects
