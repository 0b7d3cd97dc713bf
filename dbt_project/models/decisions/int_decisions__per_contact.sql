{{ config(cluster_by=['scope_id'], indexes=[{'columns': ['contact_id']}]) }}
-- One decision per contact point and scope, for those that anything at all is known about.

with considered as (

    select * from {{ ref('int_decisions__considered') }}

),

role_addresses as (

    select distinct lower(local_part) as local_part from {{ ref('role_addresses') }}

),

candidates as (

    select
        considered.*,
        considered.channel = 'email'
        and split_part({{ address_base('considered.address') }}, '@', 1) in (
            select local_part from role_addresses
        ) as is_role_address
    from considered

),

{{ decided_over('candidates', 'scope_id') }},

per_contact as (

    select
        scope_id,
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        is_marketable,
        basis_relied_on as basis,
        status_given as status,
        reason_given as reason,
        precedence_given as precedence,
        because_of,
        since_given as since,
        nullif(until_given, {{ forever() }}) as until,
        case when is_marketable then evidence_id end as evidence_id,
        case when is_marketable then evidence_record_id end as evidence_record_id,
        case when is_marketable then granted_by end as granted_by,
        case when is_marketable then anchored_by end as anchored_by,
        case when is_marketable then last_anchored_at end as last_anchored_at,
        case when is_marketable then expires_on end as expires_on,
        case when is_marketable then renewal_due_on end as renewal_due_on
    from decided

)

select * from per_contact
