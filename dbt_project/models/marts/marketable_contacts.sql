with decisions as (

    select * from {{ ref('int_decisions__per_contact') }}
    where is_usable

),

builds as (

    select * from {{ ref('builds') }}

),

ranked as (

    select
        decisions.*,
        row_number() over (
            partition by contact_id, address, channel, purpose, brand
            order by basis_rank asc, expires_on desc, evidence_id asc
        ) as place
    from decisions

),

marketable_contacts as (

    select
        ranked.contact_id,
        ranked.address,
        ranked.channel,
        ranked.purpose,
        ranked.brand,
        ranked.basis,
        ranked.status,
        ranked.evidence_id,
        ranked.evidence_record_id,
        ranked.expires_on,
        ranked.renewal_due_on,
        builds.decided_on
    from ranked
    cross join builds
    where ranked.place = 1

)

select * from marketable_contacts
