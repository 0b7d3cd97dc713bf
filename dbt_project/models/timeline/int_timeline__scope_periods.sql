-- R8, R32: a rule about the state changes with the moment asked about, and is then applied to the whole history.
-- Between two such changes a scope has one period for each basis; nearly always it has one for all time.

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

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

rules as (

    select * from {{ ref('state_rule_periods') }}

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
    select '{{ basis }}' as basis, scope_id, revoked_at from {{ relation }}
    where revoked_at is not null
    {{ "union" if not loop.last }}
    {% endfor %}

),

governed as (

    select
        {{ key_of(['scopes.scope_id', 'scopes.basis']) }} as scope_basis_id,
        scopes.*,
        coalesce(attributes.policy_country, '*') as policy_country,
        coalesce(attributes.recipient_form, 'natural_person') as recipient_form
    from scopes
    left join attributes on attributes.world_id = scopes.world_id and attributes.contact_id = scopes.contact_id

),

ruled as (

    select
        governed.*,
        rules.months,
        rules.is_extended_by_activity,
        rules.is_allowed,
        rules.is_assessed,
        rules.period_from,
        rules.period_until
    from governed
    inner join rules
        on
            rules.basis = governed.basis
            and rules.country = governed.policy_country
            and rules.recipient_form = governed.recipient_form
            and rules.channel = governed.channel
            and rules.purpose = governed.purpose
            and rules.brand = governed.brand

),

-- a recall parts the period in which it comes
parted as (

    select scope_basis_id, period_from as parted_at, period_from as ruled_from from ruled
    union
    select ruled.scope_basis_id, recalled.revoked_at as parted_at, ruled.period_from as ruled_from
    from ruled
    inner join recalled
        on
            recalled.scope_id = ruled.scope_id
            and recalled.basis = ruled.basis
            and recalled.revoked_at > ruled.period_from
            and recalled.revoked_at < ruled.period_until

),

followed as (

    select
        scope_basis_id,
        ruled_from,
        parted_at as period_from,
        lead(parted_at, 1, {{ forever() }}) over (partition by scope_basis_id order by parted_at) as period_until
    from parted

),

scope_periods as (

    select
        {{ key_of(['followed.scope_basis_id', 'followed.period_from']) }} as scope_period_id,
        ruled.scope_id,
        ruled.basis,
        ruled.world_id,
        ruled.contact_id,
        ruled.channel,
        ruled.address,
        ruled.purpose,
        ruled.brand,
        ruled.months,
        ruled.is_extended_by_activity,
        ruled.is_allowed,
        ruled.is_assessed,
        followed.period_from,
        followed.period_until
    from followed
    inner join ruled on ruled.scope_basis_id = followed.scope_basis_id and ruled.period_from = followed.ruled_from

)

select * from scope_periods
