-- What has a say in the decisions of the touched addresses: what the written contacts now have, and what stands of all others
-- who carry one.

with considered as (

    select * from {{ ref('int_decisions__considered') }}

),

standing as (

    select * from {{ source('standing', 'int_decisions__considered') }}

),

touched_addresses as (

    select * from {{ ref('touched_addresses') }}

),

replaced_contacts as (

    select * from {{ ref('replaced_contacts') }}

),

written_contacts as (

    select * from {{ ref('written_contacts') }}

),

no_longer_standing as (

    select contact_id from replaced_contacts
    union
    select contact_id from written_contacts

),

considered_at_addresses as (

    select considered.* from considered
    inner join written_contacts on written_contacts.contact_id = considered.contact_id

    union all

    select standing.* from standing
    inner join touched_addresses
        on touched_addresses.channel = standing.channel and touched_addresses.address = standing.address
    left join no_longer_standing on no_longer_standing.contact_id = standing.contact_id
    where no_longer_standing.contact_id is null

)

select * from considered_at_addresses
