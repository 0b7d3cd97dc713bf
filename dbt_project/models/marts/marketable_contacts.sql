with decisions as (

    select * from {{ ref('int_decisions__per_contact') }}
    where is_marketable

),

builds as (

    select * from {{ ref('builds') }}

),

marketable_contacts as (

    select
        decisions.contact_id,
        decisions.address,
        decisions.channel,
        decisions.purpose,
        decisions.brand,
        decisions.basis,
        decisions.status,
        decisions.evidence_id,
        decisions.evidence_record_id,
        decisions.expires_on,
        decisions.renewal_due_on,
        builds.decided_on
    from decisions
    cross join builds

)

select * from marketable_contacts
