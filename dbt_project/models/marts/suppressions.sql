with decisions as (

    select * from {{ ref('int_decisions__per_contact') }}

),

marketable_contacts as (

    select * from {{ ref('marketable_contacts') }}

),

-- who was once a candidate and may not be used now, or whom a restriction or block reaches
ended as (

    select
        decisions.*,
        row_number() over (
            partition by decisions.contact_id, decisions.address, decisions.channel, decisions.purpose, decisions.brand
            order by decisions.precedence nulls last, decisions.basis_rank
        ) as place
    from decisions
    left join marketable_contacts
        on
            marketable_contacts.contact_id = decisions.contact_id
            and marketable_contacts.address = decisions.address
            and marketable_contacts.channel = decisions.channel
            and marketable_contacts.purpose = decisions.purpose
            and marketable_contacts.brand = decisions.brand
    where
        not decisions.is_usable
        and marketable_contacts.contact_id is null
        and (
            decisions.precedence is not null
            or decisions.reason in ('expired', 'inactive', 'revoked', 'text_version_invalid', 'minor')
        )

),

suppressions as (

    select
        contact_id,
        channel,
        address,
        purpose,
        brand,
        status,
        reason,
        since,
        ordered_by as because_of
    from ended
    where place = 1

)

select * from suppressions
