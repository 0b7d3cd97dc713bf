{{ config(
    cluster_by=['scope_id'],
    indexes=[{'columns': ['contact_id']}, {'columns': ['address', 'channel']}],
    post_hook="{{ asked_on_request() }}"
) }}

-- Everything that has a say in a decision, one row per contact point, scope and basis, and one where only a restriction or
-- a block reaches the scope.

with per_basis as (

    select * from {{ ref('int_decisions__per_basis') }}

),

restricted_only as (

    select * from {{ ref('int_decisions__restricted_only') }}

),

all_known as (

    select
        scope_id,
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        basis,
        basis_rank,
        is_live,
        is_usable,
        status,
        is_formed,
        is_restricted,
        is_refusal,
        precedence,
        restricted_at,
        restricted_by,
        class,
        said_at,
        said_by,
        said_reason,
        said_because_of,
        stands_by,
        evidence_id,
        evidence_record_id,
        granted_by,
        last_anchored_by as anchored_by,
        last_anchored_at,
        expires_on,
        renewal_due_on,
        stands_from as since,
        stands_until as until
    from per_basis

    union all

    select
        scope_id,
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        cast(null as text) as basis,
        cast(null as integer) as basis_rank,
        false as is_live,
        false as is_usable,
        'ConsentUnknown' as status,
        false as is_formed,
        is_restricted,
        is_refusal,
        precedence,
        restricted_at,
        restricted_by,
        cast(null as integer) as class,
        cast(null as timestamptz) as said_at,
        cast(null as text) as said_by,
        cast(null as text) as said_reason,
        cast(null as text) as said_because_of,
        stands_by,
        cast(null as text) as evidence_id,
        cast(null as bigint) as evidence_record_id,
        cast(null as text) as granted_by,
        cast(null as text) as anchored_by,
        cast(null as timestamptz) as last_anchored_at,
        cast(null as date) as expires_on,
        cast(null as date) as renewal_due_on,
        since,
        until
    from restricted_only

),

compared as (

    select
        *,
        coalesce(bool_or(basis = 'consent') over (partition by scope_id), false) as has_consent_record
    from all_known

),

-- What the person's own consent has restored is past (R23): beside a consent's record no other basis speaks of restrictions,
-- which on that basis still stand and keep it from ever being live again.
considered as (

    select
        *,
        is_restricted and (coalesce(basis, '') = 'consent' or not has_consent_record) as speaks_of_restriction,
        case when coalesce(basis, '') = 'consent' or not has_consent_record then precedence end as speaking_precedence
    from compared

)

select * from considered
