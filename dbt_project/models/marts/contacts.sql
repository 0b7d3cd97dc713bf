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
        attributes.*,
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

contacts as (

    select
        described.contact_id,
        described.country,
        described.recipient_form,
        described.is_customer,
        case
            when not described.is_marketable and described.is_restricted then 'blocked'
            when not described.is_marketable and not described.was_permitted then 'never_permitted'
            when not described.is_marketable then 'expired'
            when
                {{ add_months(local_date('described.anchored_at'), 'cast(sleeping_after.value as integer)') }}
                < described.decided_on
                then 'sleeping'
            else 'active'
        end as lifecycle,
        {{ local_date('described.first_seen_at') }} as first_seen_on,
        {{ local_date('described.acted_at') }} as last_activity_on,
        described.company,
        described.domain,
        described.lead_channel,
        cast(described.source_count as integer) as source_count
    from described
    {{ join_policy('sleeping_after', 'sleeping_after_months', 'described.policy_country', "'*'", 'described.decided_on') }}

)

select * from contacts
