-- What each contact's permissions say at the moment asked about: a look-up in the timeline.

with moments as (

    select * from {{ ref('decision_moments') }}

),

timeline as (

    select * from {{ ref('int_timeline__consents') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

counted as (

    select
        world_id,
        contact_id,
        occurred_at
    from {{ ref('int_activity__counted') }}
    where is_activity

),

standing as (

    select
        timeline.*,
        moments.as_of,
        coalesce(attributes.policy_country, '*') as policy_country
    from timeline
    inner join moments
        on
            moments.world_id = timeline.world_id
            and timeline.valid_from <= moments.as_of
            and timeline.valid_to > moments.as_of
    left join attributes on attributes.world_id = timeline.world_id and attributes.contact_id = timeline.contact_id

),

-- R2, R22: the contact's last act of the same life anchors as well
acts as (

    select
        standing.world_id,
        standing.contact_id,
        standing.live_from,
        max(counted.occurred_at) as acted_at
    from (
        select distinct world_id, contact_id, live_from, as_of from standing
        where is_live
    ) as standing
    inner join counted
        on
            counted.world_id = standing.world_id
            and counted.contact_id = standing.contact_id
            and counted.occurred_at >= standing.live_from
            and counted.occurred_at <= standing.as_of
    group by standing.world_id, standing.contact_id, standing.live_from

),

dated as (

    select
        standing.*,
        case
            when standing.is_usable
                then
                    {{ add_months(local_date('greatest(standing.anchored_at, acts.acted_at)'), 'standing.months') }}
        end as expires_on
    from standing
    left join acts
        on
            acts.world_id = standing.world_id
            and acts.contact_id = standing.contact_id
            and acts.live_from = standing.live_from

),

relied_on as (

    select
        dated.*,
        {{ add_days('dated.expires_on', '-1 * cast(window_days.value as integer)') }} as renewal_due_on
    from dated
    {{ join_policy('window_days', 'renewal_window_days', 'dated.policy_country', 'dated.channel', local_date('dated.as_of')) }}

)

select * from relied_on
