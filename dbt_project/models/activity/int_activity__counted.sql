{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['contact_id']}, {'columns': ['occurred_at']}]) }}
-- R20, R21: what did the person do, as far as it counts?

with cleared as (

    select * from {{ ref('int_events__cleared') }}
    where
        (is_activity or event_type = 'consent_confirmed')
        and occurred_at is not null
        and not is_future

),

event_types as (

    select * from {{ ref('event_types') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

done as (

    select
        cleared.world_id,
        cleared.event_key,
        cleared.event_type,
        cleared.is_activity,
        cleared.occurred_at,
        cleared.email,
        cleared.phone,
        cleared.postal,
        cleared.message_id,
        cleared.link,
        cleared.seconds_since_delivery,
        coalesce(cleared.is_machine, false) as is_flagged,
        event_types.needs_human,
        {{ policy_country('cleared.country') }} as policy_country,
        resolved.contact_id
    from cleared
    inner join event_types on event_types.event_type = cleared.event_type
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key

),

limited as (

    select
        done.*,
        cast(click_seconds.value as numeric) as click_seconds,
        cast(burst_seconds.value as numeric) as burst_seconds
    from done
    -- asked only of what came so soon after its delivery, and of what opened a link
    {{ join_policy(
        'click_seconds', 'machine_click_seconds',
        'case when done.seconds_since_delivery is not null then done.policy_country end', "'email'",
        local_date('done.occurred_at')
    ) }}
    {{ join_policy(
        'burst_seconds', 'machine_burst_seconds',
        'case when done.link is not null then done.policy_country end', "'email'", local_date('done.occurred_at')
    ) }}

),

-- three or more different links of one message by one contact within the window that a click opens
bursts as (

    select
        opening.world_id,
        opening.contact_id,
        opening.message_id,
        opening.occurred_at as opened_at,
        {{ add_seconds('opening.occurred_at', 'opening.burst_seconds') }} as closed_at
    from limited as opening
    inner join limited as within
        on
            within.world_id = opening.world_id
            and within.contact_id = opening.contact_id
            and within.message_id = opening.message_id
            and within.occurred_at >= opening.occurred_at
            and within.occurred_at <= {{ add_seconds('opening.occurred_at', 'opening.burst_seconds') }}
    where opening.link is not null and within.link is not null
    group by opening.world_id, opening.contact_id, opening.message_id, opening.occurred_at, opening.burst_seconds
    having count(distinct within.link) >= 3

),

human as (

    select
        limited.world_id,
        limited.contact_id,
        limited.event_key,
        limited.event_type,
        limited.is_activity,
        limited.occurred_at,
        limited.email,
        limited.phone,
        limited.postal
    from limited
    where
        not limited.is_flagged
        and (limited.seconds_since_delivery is null or limited.seconds_since_delivery >= limited.click_seconds)
        and not exists (
            select 1 from bursts
            where
                bursts.world_id = limited.world_id
                and bursts.contact_id = limited.contact_id
                and bursts.message_id = limited.message_id
                and limited.link is not null
                and limited.occurred_at between bursts.opened_at and bursts.closed_at
        )

)

select * from human
