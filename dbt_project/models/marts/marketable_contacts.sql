{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['evidence_id']}, {'columns': ['anchored_by']}]) }}
with decisions as {{ read_each_time() }} (

    select * from {{ ref('decisions') }}
    where marketable

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

scopes as (

    select distinct channel, purpose, brand from decisions
    where basis = 'legitimate_interest'

),

-- the balancing test that a legitimate interest rests on; of several the one that is reviewed last (R18)
assessed as (

    select
        {{ key_of(['scopes.channel', 'scopes.purpose', 'scopes.brand']) }} as scope_key,
        assessments.lia_ref,
        row_number() over (
            partition by scopes.channel, scopes.purpose, scopes.brand
            order by coalesce(assessments.review_due, cast('9999-12-31' as date)) desc, assessments.lia_ref
        ) as rank
    from scopes
    cross join builds
    inner join assessments
        on
            {{ list_holds('assessments.brands', 'scopes.brand') }}
            and {{ list_holds('assessments.channels', 'scopes.channel') }}
            and {{ list_holds('assessments.purposes', 'scopes.purpose') }}
            and assessments.approved_on <= builds.decided_on
            and (assessments.review_due is null or assessments.review_due >= builds.decided_on)

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
        decisions.granted_by,
        decisions.granted_on,
        decisions.text_version,
        decisions.source,
        decisions.lead_channel,
        decisions.anchored_by,
        decisions.anchored_on,
        decisions.expires_on,
        decisions.renewal_due_on,
        received.event_type as evidence_type,
        received.order_id,
        received.publication_snapshot,
        assessed.lia_ref,
        case
            when decisions.basis in ('soft_opt_in', 'legitimate_interest') then 'required'
            else 'not_required'
        end as opt_out_line,
        decisions.decided_on
    from decisions
    inner join received
        on
            received.record_id = decisions.evidence_record_id
            and received.event_key = decisions.evidence_id
    left join assessed
        on
            decisions.basis = 'legitimate_interest'
            and assessed.scope_key = {{ key_of(['decisions.channel', 'decisions.purpose', 'decisions.brand']) }}
            and assessed.rank = 1

)

select * from marketable_contacts
