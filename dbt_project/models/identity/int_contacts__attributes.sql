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

-- the newest comes first, by when it happened, whichever source was pulled first
placed as (

    select
        *,
        row_number() over (
            partition by world_id, contact_id order by coalesce(effective_at, received_at) desc, event_key desc
        ) as place
    from stated

),

-- of each attribute the newest first-party record that has one, else the newest of any
newest as (

    select
        *,
        max(place) over of_contact as oldest_place,
        {%- for attribute, name in [
            ('country', 'country'), ('name', 'last_name'), ('company', 'company'), ('domain', 'domain'),
        ] %}
        coalesce(
            min(case when {{ name }} is not null and party = 'first_party' then place end) over of_contact,
            min(case when {{ name }} is not null then place end) over of_contact
        ) as {{ attribute }}_place{{ "," if not loop.last }}
        {%- endfor %}
    from placed
    window of_contact as (partition by world_id, contact_id)

),

summed as (

    select
        world_id,
        contact_id,
        max(case when place = country_place then country end) as country,
        max(case when place = name_place then first_name end) as first_name,
        max(case when place = name_place then last_name end) as last_name,
        max(case when place = company_place then company end) as company,
        max(case when place = domain_place then domain end) as domain,
        max(case when place = oldest_place then lead_channel end) as lead_channel,
        min(form_rank) as form_rank,
        min(coalesce(effective_at, received_at)) as first_seen_at,
        count(distinct source) as source_count,
        coalesce(bool_or(event_type = 'sale_completed'), false) as is_customer
    from newest
    group by world_id, contact_id

),

attributes as (

    select
        summed.world_id,
        summed.contact_id,
        coalesce(summed.country, world_countries.country) as country,
        {{ policy_country("coalesce(summed.country, world_countries.country)") }} as policy_country,
        case summed.form_rank
            when 2 then 'sole_trader'
            when 3 then 'partnership'
            when 4 then 'legal_entity'
            else 'natural_person'
        end as recipient_form,
        summed.first_name,
        summed.last_name,
        summed.company,
        summed.domain,
        summed.lead_channel,
        summed.is_customer,
        summed.first_seen_at,
        summed.source_count
    from summed
    inner join world_countries on world_countries.world_id = summed.world_id

)

select * from attributes
