-- One decision per contact point and scope, for those that anything at all is known about.

with relied_on as (

    select * from {{ ref('int_decisions__relied_on') }}

),

restricted_only as (

    select * from {{ ref('int_decisions__restricted_only') }}

),

all_known as (

    select
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        basis,
        basis_rank,
        is_usable,
        status,
        reason,
        precedence,
        is_restricted,
        ordered_at,
        ordered_by,
        class,
        said_at,
        said_by,
        said_reason,
        evidence_id,
        evidence_record_id,
        expires_on,
        renewal_due_on,
        valid_from as since
    from relied_on

    union all

    select
        restricted_only.world_id,
        restricted_only.contact_id,
        restricted_only.channel,
        restricted_only.address,
        restricted_only.purpose,
        restricted_only.brand,
        cast(null as text) as basis,
        cast(null as integer) as basis_rank,
        false as is_usable,
        case
            when restricted_only.is_restricted and restricted_only.is_refusal then 'ConsentRefused'
            when restricted_only.is_restricted then 'ConsentWithdrawn'
            else 'ConsentUnknown'
        end as status,
        reasons.reason,
        restricted_only.precedence,
        restricted_only.is_restricted,
        restricted_only.ordered_at,
        restricted_only.ordered_by,
        cast(null as integer) as class,
        cast(null as timestamptz) as said_at,
        cast(null as text) as said_by,
        cast(null as text) as said_reason,
        cast(null as text) as evidence_id,
        cast(null as bigint) as evidence_record_id,
        cast(null as date) as expires_on,
        cast(null as date) as renewal_due_on,
        restricted_only.since
    from restricted_only
    inner join {{ ref('reasons') }} as reasons on reasons.precedence = restricted_only.precedence

)

select * from all_known
