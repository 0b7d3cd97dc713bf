{{ config(cluster_by=['address'], post_hook="{{ asked_on_request() }}") }}

-- docs/contract.md, answers: an address that several contacts carry has one decision, over all of them.

with considered as (

    select * from {{ ref('considered_at_addresses') if is_daily() else ref('int_decisions__considered') }}

),

role_addresses as (

    select distinct lower(local_part) as local_part from {{ ref('role_addresses') }}

),

builds as (

    select * from {{ ref('builds') }}

),

candidates as (

    select
        considered.*,
        {{ key_within('considered.address', [
            'considered.channel', 'considered.address', 'considered.purpose', 'considered.brand'
        ]) }} as address_scope_id,
        considered.channel = 'email'
        and split_part({{ address_base('considered.address') }}, '@', 1) in (
            select local_part from role_addresses
        ) as is_role_address
    from considered

),

{{ decided_over('candidates', 'address_scope_id') }},

address_decisions as (

    select
        decided.channel,
        decided.address,
        decided.purpose,
        decided.brand,
        decided.is_marketable,
        decided.basis_relied_on as basis,
        decided.status_given as status,
        decided.reason_given as reason,
        decided.since_given as since,
        nullif(decided.until_given, {{ forever() }}) as until,
        case when decided.is_marketable then decided.evidence_id end as evidence_id,
        case when decided.is_marketable then decided.granted_by end as granted_by,
        case when decided.is_marketable then decided.anchored_by end as anchored_by,
        case when decided.is_marketable then {{ local_date('decided.last_anchored_at') }} end as anchored_on,
        case when decided.is_marketable then decided.expires_on end as expires_on,
        case when decided.is_marketable then decided.renewal_due_on end as renewal_due_on,
        decided.because_of,
        builds.decided_on
    from decided
    cross join builds

)

select * from address_decisions
