-- R36: a contact's id comes from its oldest record, so an id that was published and is no longer a contact's own answers
-- with the contact that holds its record now.

with published_contacts as (

    select * from {{ source('raw', 'published_contacts') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

contacts as {{ read_each_time() }} (

    select * from {{ ref('contacts') }}

),

builds as (

    select * from {{ ref('builds') }}

),

-- an id that is a contact's own redirects to nobody
retired as (

    select published_contacts.*
    from published_contacts
    left join contacts on contacts.contact_id = published_contacts.contact_id
    where contacts.contact_id is null

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
        retired.contact_id,
        named.redirects_to,
        coalesce(retired.retired_at, builds.known_at) as since
    from retired
    cross join builds
    inner join named on named.contact_id = retired.contact_id
    inner join contacts on contacts.contact_id = named.redirects_to

)

select * from contact_redirects
