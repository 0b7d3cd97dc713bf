{{ config(
    cluster_by=['scope_id'],
    indexes=[{'columns': ['contact_id']}, {'columns': ['valid_from']}, {'columns': ['valid_to']}]
) }}
-- docs/contract.md, answers: what is each basis's status, why, and on what evidence, at every moment?

with scope_periods as (

    select * from {{ ref('int_timeline__scope_periods') }}

),

states as (

    select * from {{ ref('int_timeline__states') }}

),

effective_grants as (

    select * from {{ ref('int_timeline__effective_grants') }}

),

-- each read on its own: one that is read three times is kept by the server without its statistics
counted as (

    select * from {{ ref('int_timeline__statements') }}
    where class = 1

),

failed as (

    select * from {{ ref('int_timeline__statements') }}
    where class = 2

),

asked as (

    select * from {{ ref('int_timeline__statements') }}
    where class = 3

),

restriction_sequence as (

    select * from {{ ref('int_timeline__restriction_sequence') }}

),

reasons as (

    select * from {{ ref('reasons') }}

),

bases as (

    select * from {{ ref('bases') }}

),

described as (

    select
        scope_periods.scope_id,
        scope_periods.basis,
        scope_periods.world_id,
        scope_periods.contact_id,
        scope_periods.channel,
        scope_periods.address,
        scope_periods.purpose,
        scope_periods.brand,
        scope_periods.months,
        scope_periods.is_extended_by_activity,
        greatest(states.state_from, scope_periods.period_from) as valid_from,
        least(states.state_until, scope_periods.period_until) as valid_to,
        states.is_live,
        states.is_restricted,
        states.precedence,
        states.stands_by,
        reasons.reason as standing_reason,
        coalesce(restriction_sequence.reason = 'refused', false) as is_refusal,
        case when states.is_restricted then restriction_sequence.at end as restricted_at,
        case when states.is_restricted then restriction_sequence.event_key end as restricted_by,
        case when states.is_live then effective_grants.evidence_key end as evidence_id,
        case when states.is_live then effective_grants.evidence_record_id end as evidence_record_id,
        case when states.is_live then effective_grants.event_key end as granted_by,
        case when states.is_live then effective_grants.anchored_by end as anchored_by,
        case when states.is_live then effective_grants.anchored_at end as anchored_at,
        case when states.is_live then effective_grants.began_at end as began_at,
        coalesce(states.renewed_at >= effective_grants.live_from, false) as is_renewed,
        coalesce(counted.class, failed.class, asked.class) as class,
        coalesce(counted.at, failed.at, asked.at) as said_at,
        coalesce(counted.event_key, failed.event_key, asked.event_key) as said_by,
        coalesce(counted.status, failed.status, asked.status, 'ConsentUnknown') as said_status,
        coalesce(counted.is_formed, failed.is_formed, asked.is_formed, false) as is_formed,
        case
            when counted.lapses_at <= states.state_from then 'confirmation_lapsed'
            else coalesce(counted.reason, failed.reason, asked.reason, 'no_permission')
        end as said_reason
    from states
    inner join scope_periods
        on
            scope_periods.scope_period_id = states.scope_period_id
            -- as one condition: of two the planner takes it that a ninth of all meet them, and most do
            and greatest(states.state_from, scope_periods.period_from) < least(states.state_until, scope_periods.period_until)
    left join counted on counted.scope_period_id = states.scope_period_id and counted.rank = states.counted_rank
    left join failed on failed.scope_period_id = states.scope_period_id and failed.rank = states.failed_rank
    left join asked on asked.scope_period_id = states.scope_period_id and asked.rank = states.asked_rank
    left join effective_grants
        on
            effective_grants.scope_period_id = states.scope_period_id
            and effective_grants.rank = states.grant_rank
    left join restriction_sequence
        on
            restriction_sequence.scope_period_id = states.scope_period_id
            and restriction_sequence.rank = states.restriction_rank
    left join reasons on reasons.precedence = states.precedence

),

told as (

    select
        described.scope_id,
        described.world_id,
        described.contact_id,
        described.channel,
        described.address,
        described.purpose,
        described.brand,
        described.basis,
        bases.basis_rank,
        case
            when described.is_live and described.is_renewed then 'RenewedConsentGiven'
            when described.is_live then bases.active_status
            when described.is_restricted and not bases.is_restorable and described.is_formed then bases.restricted_status
            when described.is_restricted and described.is_refusal then 'ConsentRefused'
            when described.is_restricted then 'ConsentWithdrawn'
            else described.said_status
        end as status,
        case
            when described.standing_reason is not null then described.standing_reason
            when described.is_live then 'ok'
            else described.said_reason
        end as reason,
        described.valid_from,
        described.valid_to,
        described.is_live,
        described.is_live and described.precedence is null as is_usable,
        described.is_restricted,
        described.is_refusal,
        described.is_formed,
        described.precedence,
        described.stands_by,
        described.restricted_at,
        described.restricted_by,
        described.class,
        described.said_at,
        described.said_by,
        described.said_reason,
        -- of what time alone has ended no record is the cause
        case
            when described.said_reason not in (bases.ended_reason, 'no_permission') then described.said_by
        end as said_because_of,
        described.evidence_id,
        described.evidence_record_id,
        described.granted_by,
        described.anchored_by,
        described.anchored_at,
        described.began_at,
        described.months,
        described.is_extended_by_activity
    from described
    inner join bases on bases.basis = described.basis

),

-- where the basis begins and ends to say the same of the scope, and to say it on the same evidence
followed as (

    select
        *,
        case
            when
                status = lag(status) over so_far
                and reason = lag(reason) over so_far
                and valid_from = lag(valid_to) over so_far
                then 0
            else 1
        end as begins,
        case
            when
                status = lead(status) over so_far
                and reason = lead(reason) over so_far
                and valid_to = lead(valid_from) over so_far
                then 0
            else 1
        end as ends,
        case when coalesce(evidence_id, '') = coalesce(lag(evidence_id) over so_far, '') then 0 else 1 end as begins_evidence,
        case when coalesce(evidence_id, '') = coalesce(lead(evidence_id) over so_far, '') then 0 else 1 end as ends_evidence
    from told
    window so_far as (partition by scope_id, basis order by valid_from)

),

-- since when, and until when by what is known, it says so
intervals as (

    select
        *,
        max(case when begins = 1 then valid_from end) over (
            partition by scope_id, basis order by valid_from rows between unbounded preceding and current row
        ) as stands_from,
        min(case when ends = 1 then valid_to end) over until_then as stands_until,
        greatest(begins, begins_evidence) = 1 as is_told_anew,
        min(case when greatest(ends, ends_evidence) = 1 then valid_to end) over until_then as told_until
    from followed
    window until_then as (
        partition by scope_id, basis order by valid_from rows between current row and unbounded following
    )

)

select * from intervals
