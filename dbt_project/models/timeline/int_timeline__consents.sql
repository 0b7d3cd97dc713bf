-- Interfaces, section 4: what is the consent's status, why, and on what evidence, at every moment?

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

states as (

    select * from {{ ref('int_timeline__states') }}

),

relied as (

    select * from {{ ref('int_timeline__relied') }}

),

statements as (

    select * from {{ ref('int_timeline__statements') }}

),

orders as (

    select * from {{ ref('int_timeline__orders') }}

),

reasons as (

    select * from {{ ref('reasons') }}

),

described as (

    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.months,
        greatest(states.state_from, epochs.epoch_from) as valid_from,
        least(states.state_until, epochs.epoch_until) as valid_to,
        states.is_live,
        states.is_restricted,
        states.precedence,
        reasons.reason as standing_reason,
        coalesce(orders.reason = 'refused', false) as is_refusal,
        case when states.is_restricted then orders.at end as ordered_at,
        case when states.is_restricted then orders.event_key end as ordered_by,
        case when states.is_live then relied.evidence_key end as evidence_id,
        case when states.is_live then relied.evidence_record_id end as evidence_record_id,
        case when states.is_live then relied.at end as anchored_at,
        case when states.is_live then relied.live_from end as live_from,
        coalesce(states.renewed_at >= relied.live_from, false) as is_renewed,
        coalesce(counted.class, failed.class, asked.class) as class,
        coalesce(counted.at, failed.at, asked.at) as said_at,
        coalesce(counted.event_key, failed.event_key, asked.event_key) as said_by,
        coalesce(counted.status, failed.status, asked.status, 'ConsentUnknown') as said_status,
        case
            when counted.lapses_at <= states.state_from then 'confirmation_lapsed'
            else coalesce(counted.reason, failed.reason, asked.reason, 'no_permission')
        end as said_reason
    from states
    inner join epochs
        on
            epochs.epoch_id = states.epoch_id
            and epochs.epoch_until > states.state_from
            and states.state_until > epochs.epoch_from
    left join statements as counted
        on counted.epoch_id = states.epoch_id and counted.class = 1 and counted.place = states.counted_place
    left join statements as failed
        on failed.epoch_id = states.epoch_id and failed.class = 2 and failed.place = states.failed_place
    left join statements as asked
        on asked.epoch_id = states.epoch_id and asked.class = 3 and asked.place = states.asked_place
    left join relied on relied.epoch_id = states.epoch_id and relied.place = states.relied_place
    left join orders on orders.epoch_id = states.epoch_id and orders.place = states.order_place
    left join reasons on reasons.precedence = states.precedence

),

consents as (

    select
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        'consent' as basis,
        1 as basis_rank,
        case
            when is_live and is_renewed then 'RenewedConsentGiven'
            when is_live then 'ConsentGiven'
            when is_restricted and is_refusal then 'ConsentRefused'
            when is_restricted then 'ConsentWithdrawn'
            else said_status
        end as status,
        case
            when standing_reason is not null then standing_reason
            when is_live then 'ok'
            else said_reason
        end as reason,
        valid_from,
        valid_to,
        is_live,
        is_live and precedence is null as is_usable,
        is_restricted,
        is_refusal,
        precedence,
        ordered_at,
        ordered_by,
        class,
        said_at,
        said_by,
        said_reason,
        evidence_id,
        evidence_record_id,
        anchored_at,
        live_from,
        months
    from described

)

select * from consents
