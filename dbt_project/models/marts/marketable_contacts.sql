with decisions as (

    select * from {{ ref('int_decisions__per_contact') }}
    where is_marketable

),

builds as (

    select * from {{ ref('builds') }}

),

received as (

    select * from {{ ref('int_events__received') }}

),

assessments as (

    select * from {{ ref('legitimate_interest_assessments') }}
    where state = 'approved'

),

-- the balancing test that a legitimate interest rests on; of several the one that is reviewed last (R18)
assessed as (

    select
        decisions.scope_id,
        assessments.lia_ref,
        row_number() over (
            partition by decisions.scope_id
            order by coalesce(assessments.review_due, cast('9999-12-31' as date)) desc, assessments.lia_ref
        ) as rank
    from decisions
    cross join builds
    inner join assessments
        on
            {{ list_holds('assessments.brands', 'decisions.brand') }}
            and {{ list_holds('assessments.channels', 'decisions.channel') }}
            and {{ list_holds('assessments.purposes', 'decisions.purpose') }}
            and assessments.approved_on <= builds.decided_on
            and (assessments.review_due is null or assessments.review_due >= builds.decided_on)
    where decisions.basis = 'legitimate_interest'

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
        builds.decided_on,
        received.event_type as evidence_type,
        received.order_id,
        received.publication_snapshot,
        assessed.lia_ref,
        case when decisions.basis in ('soft_opt_in', 'legitimate_interest') then 'required' else 'not_required' end as opt_out_line
    from decisions
    cross join builds
    inner join received
        on received.record_id = decisions.evidence_record_id and received.event_key = decisions.evidence_id
    left join assessed on assessed.scope_id = decisions.scope_id and assessed.rank = 1

)

select * from marketable_contacts
