with attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

lifecycles as (

    select * from {{ ref('int_decisions__lifecycles') }}

),

builds as (

    select * from {{ ref('builds') }}

),

contacts as (

    select
        attributes.contact_id,
        attributes.country,
        attributes.recipient_form,
        attributes.is_customer,
        case
            when not lifecycles.is_marketable and lifecycles.is_restricted then 'blocked'
            when not lifecycles.is_marketable and not lifecycles.was_permitted then 'never_permitted'
            when not lifecycles.is_marketable then 'expired'
            when lifecycles.asleep_from <= builds.decided_on then 'sleeping'
            else 'active'
        end as lifecycle,
        {{ local_date('attributes.first_seen_at') }} as first_seen_on,
        {{ local_date('lifecycles.acted_at') }} as last_activity_on,
        attributes.company,
        attributes.domain,
        attributes.lead_channel,
        cast(attributes.source_count as integer) as source_count
    from attributes
    cross join builds
    inner join lifecycles on lifecycles.contact_id = attributes.contact_id

)

select * from contacts
