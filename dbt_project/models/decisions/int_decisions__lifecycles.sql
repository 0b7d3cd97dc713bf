{{ config(indexes=[{'columns': ['contact_id']}, {'columns': ['asleep_from']}]) }}
-- What a contact's stage of life follows from. Who is awake is so until a day that is known beforehand, so that only those for
-- whom that day has come are told anew.

with attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

builds as (

    select * from {{ ref('builds') }}

),

counted as (

    select
        contact_id,
        max(occurred_at) as acted_at
    from {{ ref('int_activity__counted') }}
    cross join builds
    where is_activity and occurred_at <= builds.as_of
    group by contact_id

),

decisions as (

    select
        contact_id,
        coalesce(bool_or(is_marketable), false) as is_marketable,
        coalesce(bool_or(precedence is not null), false) as is_restricted,
        max(last_anchored_at) as anchored_at
    from {{ ref('int_decisions__per_contact') }}
    group by contact_id

),

-- who once had a live basis
permitted as (

    select distinct intervals.contact_id
    from {{ ref('int_timeline__intervals') }} as intervals
    cross join builds
    where intervals.is_live and intervals.valid_from <= builds.as_of

),

described as (

    select
        attributes.contact_id,
        attributes.policy_country,
        builds.decided_on,
        counted.acted_at,
        coalesce(decisions.is_marketable, false) as is_marketable,
        greatest(decisions.anchored_at, counted.acted_at) as anchored_at,
        coalesce(decisions.is_restricted, false) as is_restricted,
        permitted.contact_id is not null as was_permitted
    from attributes
    cross join builds
    left join counted on counted.contact_id = attributes.contact_id
    left join decisions on decisions.contact_id = attributes.contact_id
    left join permitted on permitted.contact_id = attributes.contact_id

),

-- the last day awake is the one so many months after the newest anchor or act
awake as (

    select
        described.*,
        case
            when described.is_marketable
                then {{ add_months(local_date('described.anchored_at'), 'cast(sleeping_after.value as integer)') }}
        end as awake_through
    from described
    {{ join_policy('sleeping_after', 'sleeping_after_months', 'described.policy_country', "'*'", 'described.decided_on') }}

),

lifecycles as (

    select
        contact_id,
        acted_at,
        is_marketable,
        is_restricted,
        was_permitted,
        {{ add_days('awake_through', 1) }} as asleep_from
    from awake

)

select * from lifecycles
