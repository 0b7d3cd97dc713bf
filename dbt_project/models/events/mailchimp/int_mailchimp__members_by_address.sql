-- Reports of campaigns name a member by the digest of its address alone.

with members as (

    select
        *,
        {{ key_of(['source', 'list_id', 'address_digest']) }} as address_key,
        row_number() over (partition by source, list_id, address_digest order by record_id) as place
    from {{ ref('stg_mailchimp__members') }}

),

members_by_address as (

    select
        address_key,
        source,
        list_id,
        address_digest,
        member_id
    from members
    where place = 1

)

select * from members_by_address
