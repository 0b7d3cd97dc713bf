-- R17: for which scopes does a sale ask for a soft opt-in, and what is wrong with it, if anything, but the basis matrix,
-- which is asked for the moment of the question?

with events as (

    select * from {{ ref('int_events__judged') }}
    -- a quote or an enquiry is no sale
    where event_type = 'sale_completed' and broken_reason is null and coalesce(order_id, '') <> ''

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

world_countries as (

    select * from {{ ref('world_countries') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

recalled as (

    select * from {{ ref('int_permissions__recalled') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

purposes as (

    select * from {{ ref('purposes') }}

),

-- where no row of any date allows it for the country it is never attempted
attempted as (

    select distinct country, channel from {{ ref('basis_matrix_periods') }}
    where basis = 'soft_opt_in' and is_allowed

),

sales as {{ computed_once() }} (

    select
        events.*,
        resolved.contact_id,
        resolved.is_role_email,
        coalesce(attributes.policy_country, world_countries.policy_country) as policy_country
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key
    left join attributes on attributes.world_id = resolved.world_id and attributes.contact_id = resolved.contact_id
    left join world_countries on world_countries.world_id = resolved.world_id

),

soft_opt_ins as (

    select
        {{ key_within('sales.contact_id', [
            'sales.world_id', 'sales.contact_id', 'scopes.channel', carried_address('sales', 'scopes.channel'),
            'scopes.purpose', 'scopes.brand'
        ]) }} as scope_id,
        sales.world_id,
        sales.contact_id,
        scopes.channel,
        {{ carried_address('sales', 'scopes.channel') }} as address,
        scopes.purpose,
        scopes.brand,
        sales.event_key,
        sales.record_id,
        sales.effective_at,
        recalled.revoked_at,
        case
            when sales.quarantine_reason is not null then sales.quarantine_reason
            when sales.is_undated then 'undated_permission'
            when not {{ list_holds("coalesce(sales.allowed_bases, '')", "'soft_opt_in'") }} then 'basis_not_allowed'
            when
                coalesce(sales.product_category, '') = ''
                or not {{ list_holds("coalesce(purposes.product_categories, '')", 'sales.product_category') }}
                then 'not_similar_product'
            when not coalesce(sales.opt_out_offered_at_collection, false) then 'no_opt_out_offered'
        end as defect
    from sales
    inner join scopes
        on
            scopes.world_id = sales.world_id
            and {{ carried_address('sales', 'scopes.channel') }} is not null
            and coalesce(sales.channel, scopes.channel) = scopes.channel
            and coalesce(sales.purpose, scopes.purpose) = scopes.purpose
            and coalesce(sales.source_brand, sales.brand, scopes.brand) = scopes.brand
            and coalesce(sales.brand, scopes.brand) = scopes.brand
    inner join attempted on attempted.country = sales.policy_country and attempted.channel = scopes.channel
    left join purposes on purposes.purpose = scopes.purpose
    left join recalled on recalled.world_id = sales.world_id and recalled.event_key = sales.event_key
    -- a role address has none (R19)
    where not (scopes.channel = 'email' and sales.is_role_email)

)

select * from soft_opt_ins
