-- The addresses whose decision may be another: all that a replaced contact carried, or a written one carries.

with considered as (

    select * from {{ ref('int_decisions__considered') }}

),

standing as {{ read_each_time() }} (

    select * from {{ source('standing', 'int_decisions__considered') }}

),

replaced_contacts as (

    select * from {{ ref('replaced_contacts') }}

),

written_contacts as (

    select * from {{ ref('written_contacts') }}

),

touched_addresses as (

    select considered.channel, considered.address from considered
    inner join written_contacts on written_contacts.contact_id = considered.contact_id
    union
    select standing.channel, standing.address from standing
    inner join replaced_contacts on replaced_contacts.contact_id = standing.contact_id
    union
    select standing.channel, standing.address from standing
    inner join written_contacts on written_contacts.contact_id = standing.contact_id

)

select * from touched_addresses
