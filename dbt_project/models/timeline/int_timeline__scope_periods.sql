-- R8, R32: a rule about the state changes with the moment asked about, and is then applied to the whole history.
-- Between two such changes a scope has one period for each basis; nearly always it has one for all time. In a period in
-- which a basis is neither allowed nor assessed no record says anything (R18); where nothing restricts it either, it is left out.

with consents as (

    select * from {{ ref('int_permissions__consents') }}

),

asked as (

    select * from {{ ref('int_permissions__asked') }}

),

soft_opt_ins as (

    select * from {{ ref('int_permissions__soft_opt_ins') }}

),

interests as (

    select * from {{ ref('int_permissions__interests') }}

),

publications as (

    select * from {{ ref('int_permissions__publications') }}

),

world_countries as (

    select * from {{ ref('world_countries') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

rules as (

    select
        *,
        lead(period_from, 1, {{ forever() }}) over (partition by rule_id order by period_from) as next_from
    from {{ ref('state_rule_periods') }}

),

restrictions as (

    select * from {{ ref('int_restrictions__standing') }}

),

scopes as (

    {% for relation, basis in [
        ('consents', 'consent'),
        ('asked', 'consent'),
        ('soft_opt_ins', 'soft_opt_in'),
        ('interests', 'legitimate_interest'),
        ('publications', 'published_address'),
    ] %}
    select '{{ basis }}' as basis, scope_id, world_id, contact_id, channel, address, purpose, brand from {{ relation }}
    {{ "union" if not loop.last }}
    {% endfor %}

),

recalled as (

    {% for relation, basis in [
        ('consents', 'consent'),
        ('soft_opt_ins', 'soft_opt_in'),
        ('interests', 'legitimate_interest'),
        ('publications', 'published_address'),
    ] %}
    select {{ key_of(['scope_id', "'" ~ basis ~ "'"]) }} as scope_basis_id, revoked_at from {{ relation }}
    where revoked_at is not null
    {{ "union" if not loop.last }}
    {% endfor %}

),

restricted_scopes as (

    select distinct scope_id from restrictions

),

governed as {{ computed_once() }} (

    select
        {{ key_of(['scopes.scope_id', 'scopes.basis']) }} as scope_basis_id,
        {{ key_of([
            'scopes.basis', "coalesce(attributes.policy_country, world_countries.policy_country)",
            "coalesce(attributes.recipient_form, 'natural_person')", 'scopes.channel', 'scopes.purpose', 'scopes.brand'
        ]) }} as rule_id,
        restricted_scopes.scope_id is not null as is_restricted,
        scopes.*
    from scopes
    left join attributes on attributes.world_id = scopes.world_id and attributes.contact_id = scopes.contact_id
    left join world_countries on world_countries.world_id = scopes.world_id
    left join restricted_scopes on restricted_scopes.scope_id = scopes.scope_id

),

ruled as {{ read_each_time() }} (

    select
        governed.*,
        rules.months,
        rules.is_extended_by_activity,
        rules.is_allowed,
        rules.is_assessed,
        rules.period_from as ruled_from,
        rules.period_until as ruled_until,
        rules.next_from
    from governed
    inner join rules on rules.rule_id = governed.rule_id

),

recalled_scopes as (

    select distinct scope_basis_id from recalled

),

-- of most nothing is recalled, and their periods are those of the rule
unparted as (

    select
        ruled.*,
        ruled.ruled_from as period_from,
        ruled.next_from as period_until
    from ruled
    left join recalled_scopes on recalled_scopes.scope_basis_id = ruled.scope_basis_id
    where recalled_scopes.scope_basis_id is null

),

ruled_and_recalled as (

    select ruled.* from ruled
    inner join recalled_scopes on recalled_scopes.scope_basis_id = ruled.scope_basis_id

),

-- a recall parts the period in which it comes
begun as (

    select
        ruled_and_recalled.*,
        ruled_and_recalled.ruled_from as period_from
    from ruled_and_recalled
    union all
    select
        ruled_and_recalled.*,
        recalled.revoked_at as period_from
    from ruled_and_recalled
    inner join recalled
        on
            recalled.scope_basis_id = ruled_and_recalled.scope_basis_id
            and recalled.revoked_at > ruled_and_recalled.ruled_from
            and recalled.revoked_at < ruled_and_recalled.ruled_until

),

parted as (

    select
        *,
        lead(period_from, 1, {{ forever() }}) over (partition by scope_basis_id order by period_from) as period_until
    from begun

),

periods as (

    select * from unparted
    union all
    select * from parted

),

scope_periods as (

    select
        {{ key_of(['scope_basis_id', 'period_from']) }} as scope_period_id,
        scope_id,
        basis,
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        months,
        is_extended_by_activity,
        is_allowed,
        is_assessed,
        period_from,
        period_until
    from periods
    where is_allowed or is_assessed or is_restricted

)

select * from scope_periods
