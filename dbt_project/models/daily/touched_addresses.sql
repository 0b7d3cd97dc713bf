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
    select channel, address from standing
    where {{ one_of_few('contact_id', 'contact_id', 'replaced_contacts') }}
    union
    select channel, address from standing
    where {{ one_of_few('contact_id', 'contact_id', 'written_contacts') }}

)

select * from touched_addresses
