with decisions as (

    select * from {{ ref('int_decisions__per_contact') }}

),

-- who was once a candidate and may not be used now, or whom a restriction or block reaches
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
        because_of
    from decisions
    where
        not is_marketable
        and (
            precedence is not null
            or reason in ('expired', 'inactive', 'revoked', 'text_version_invalid', 'minor')
        )

)

select * from suppressions
