{{ config(cluster_by=['contact_id']) }}
-- What may not be used, with why: the half of `decisions` that says no.

with decisions as (

    select * from {{ ref('decisions') }}

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
        until,
        because_of
    from decisions
    where not marketable

)

select * from suppressions
