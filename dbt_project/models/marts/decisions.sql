{{ config(cluster_by=['contact_id']) }}
-- Every decision with what it rests on: `expires_on` follows from `anchored_on` and the months of the policy (R2).

with per_contact as (

    select * from {{ ref('int_decisions__per_contact') }}

),

builds as (

    select * from {{ ref('builds') }}

),

grants as (

    select
        event_key,
        effective_at,
        text_version,
        source,
        coalesce(lead_channel, declared_channel) as lead_channel
    from {{ ref('int_events__judged') }}

),

decisions as (

    select
        per_contact.contact_id,
        per_contact.address,
        per_contact.channel,
        per_contact.purpose,
        per_contact.brand,
        per_contact.is_marketable as marketable,
        per_contact.basis,
        per_contact.status,
        per_contact.reason,
        per_contact.since,
        per_contact.until,
        per_contact.evidence_id,
        per_contact.evidence_record_id,
        per_contact.granted_by,
        {{ local_date('grants.effective_at') }} as granted_on,
        case when per_contact.basis = 'consent' then grants.text_version end as text_version,
        grants.source,
        grants.lead_channel,
        per_contact.anchored_by,
        {{ local_date('per_contact.last_anchored_at') }} as anchored_on,
        per_contact.expires_on,
        per_contact.renewal_due_on,
        per_contact.because_of,
        builds.decided_on
    from per_contact
    cross join builds
    left join grants on grants.event_key = per_contact.granted_by

)

select * from decisions
