{{ config(indexes=[{'columns': ['contact_id']}]) }}
-- R41: what a contact is, as known: taken whole, whatever the moment asked about.

with cleared as (

    select * from {{ ref('int_events__cleared') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

world_countries as (

    select * from {{ ref('world_countries') }}

),

stated as (

    select
        resolved.world_id,
        resolved.contact_id,
        cleared.event_key,
        cleared.event_type,
        cleared.party,
        cleared.source,
        cleared.effective_at,
        cleared.received_at,
        cleared.country,
        nullif(split_part(cleared.email, '@', 2), '') as domain,
        nullif(btrim(cleared.first_name), '') as first_name,
        nullif(btrim(cleared.last_name), '') as last_name,
        nullif(btrim(cleared.company), '') as company,
        coalesce(cleared.lead_channel, cleared.declared_channel) as lead_channel,
        case cleared.recipient_form
            when 'sole_trader' then 2
            when 'partnership' then 3
            when 'legal_entity' then 4
            when 'natural_person' then 1
        end as form_rank
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key

),

-- the newest first-party record that has one, else the newest of any
countries as (

    select
        world_id,
        contact_id,
        country,
        row_number() over (
            partition by world_id, contact_id
            order by
                case party when 'first_party' then 0 else 1 end,
                coalesce(effective_at, received_at) desc,
                event_key desc
        ) as place
    from stated
    where country is not null

),

names as (

    select
        world_id,
        contact_id,
        first_name,
        last_name,
        row_number() over (
            partition by world_id, contact_id
            order by case party when 'first_party' then 0 else 1 end, coalesce(effective_at, received_at) desc, event_key desc
        ) as place
    from stated
    where last_name is not null

),

companies as (

    select
        world_id,
        contact_id,
        company,
        row_number() over (
            partition by world_id, contact_id
            order by case party when 'first_party' then 0 else 1 end, coalesce(effective_at, received_at) desc, event_key desc
        ) as place
    from stated
    where company is not null

),

domains as (

    select
        world_id,
        contact_id,
        domain,
        row_number() over (
            partition by world_id, contact_id
            order by case party when 'first_party' then 0 else 1 end, coalesce(effective_at, received_at) desc, event_key desc
        ) as place
    from stated
    where domain is not null

),

-- the first that happened, whichever source was pulled first
channels as (

    select
        world_id,
        contact_id,
        lead_channel,
        row_number() over (
            partition by world_id, contact_id order by coalesce(effective_at, received_at), event_key
        ) as place
    from stated

),

summed as (

    select
        world_id,
        contact_id,
        min(form_rank) as form_rank,
        min(coalesce(effective_at, received_at)) as first_seen_at,
        count(distinct source) as source_count,
        coalesce(bool_or(event_type = 'sale_completed'), false) as is_customer
    from stated
    group by world_id, contact_id

),

attributes as (

    select
        summed.world_id,
        summed.contact_id,
        coalesce(countries.country, world_countries.country) as country,
        {{ policy_country("coalesce(countries.country, world_countries.country)") }} as policy_country,
        case summed.form_rank
            when 2 then 'sole_trader'
            when 3 then 'partnership'
            when 4 then 'legal_entity'
            else 'natural_person'
        end as recipient_form,
        names.first_name,
        names.last_name,
        companies.company,
        domains.domain,
        channels.lead_channel,
        summed.is_customer,
        summed.first_seen_at,
        summed.source_count
    from summed
    inner join world_countries on world_countries.world_id = summed.world_id
    left join countries
        on countries.world_id = summed.world_id and countries.contact_id = summed.contact_id and countries.place = 1
    left join names on names.world_id = summed.world_id and names.contact_id = summed.contact_id and names.place = 1
    left join companies
        on companies.world_id = summed.world_id and companies.contact_id = summed.contact_id and companies.place = 1
    left join domains
        on domains.world_id = summed.world_id and domains.contact_id = summed.contact_id and domains.place = 1
    left join channels
        on channels.world_id = summed.world_id and channels.contact_id = summed.contact_id and channels.place = 1

)

select * from attributes
