{{ config(post_hook="{{ asked_on_request() }}") }}

-- What each basis says of a contact point and scope at the moment asked about: a look-up in the timeline.

with moments as (

    select * from {{ ref('decision_moments') }}

),

intervals as (

    select * from {{ ref('int_timeline__intervals') }}

),

world_countries as (

    select * from {{ ref('world_countries') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

counted as (

    select
        world_id,
        contact_id,
        event_key,
        occurred_at
    from {{ ref('int_activity__counted') }}
    where is_activity

),

standing as (

    select
        intervals.*,
        moments.as_of,
        coalesce(attributes.policy_country, world_countries.policy_country) as policy_country
    from intervals
    inner join moments
        on
            moments.world_id = intervals.world_id
            and intervals.valid_from <= moments.as_of
            and intervals.valid_to > moments.as_of
    left join attributes on attributes.world_id = intervals.world_id and attributes.contact_id = intervals.contact_id
    left join world_countries on world_countries.world_id = intervals.world_id

),

lives as (

    select distinct
        world_id,
        contact_id,
        began_at,
        as_of
    from standing
    where is_live and is_extended_by_activity

),

-- R2, R22: the contact's last act of the same life anchors as well, where activity does (R42)
acts as (

    select
        lives.world_id,
        lives.contact_id,
        lives.began_at,
        counted.occurred_at as acted_at,
        counted.event_key as acted_by,
        row_number() over (
            partition by lives.world_id, lives.contact_id, lives.began_at
            order by counted.occurred_at desc, counted.event_key desc
        ) as rank
    from lives
    inner join counted
        on
            counted.world_id = lives.world_id
            and counted.contact_id = lives.contact_id
            and counted.occurred_at >= lives.began_at
            and counted.occurred_at <= lives.as_of

),

last_acts as (

    select * from acts
    where rank = 1

),

dated as (

    select
        standing.*,
        case
            when last_acts.acted_at > standing.anchored_at then last_acts.acted_by else standing.anchored_by
        end as last_anchored_by,
        greatest(standing.anchored_at, last_acts.acted_at) as last_anchored_at
    from standing
    left join last_acts
        on
            last_acts.world_id = standing.world_id
            and last_acts.contact_id = standing.contact_id
            and last_acts.began_at = standing.began_at
            and standing.is_extended_by_activity

),

expiring as (

    select
        dated.*,
        case when dated.is_usable then {{ last_valid_day('dated.last_anchored_at', 'dated.months') }} end as expires_on
    from dated

),

per_basis as (

    select
        expiring.*,
        {{ add_days('expiring.expires_on', '-1 * cast(window_days.value as integer)') }} as renewal_due_on
    from expiring
    {{ join_policy(
        'window_days', 'renewal_window_days', 'expiring.policy_country', 'expiring.channel', local_date('expiring.as_of')
    ) }}

)

select * from per_basis
