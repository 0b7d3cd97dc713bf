{{ config(indexes=[{'columns': ['address']}]) }}

with intervals as (

    select * from {{ ref('int_timeline__intervals') }}

),

-- neighbours that say the same on the same evidence are one interval; a contact's lie together, as those that are read do
consent_timeline as (

    select
        contact_id,
        address,
        channel,
        purpose,
        brand,
        basis,
        status,
        reason,
        valid_from,
        nullif(told_until, {{ forever() }}) as valid_to,
        evidence_id
    from intervals
    where is_told_anew

)

select * from consent_timeline
