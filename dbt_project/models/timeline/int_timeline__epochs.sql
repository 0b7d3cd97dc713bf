-- R8, R32: a rule about the state changes with the moment asked about, and is then applied to the whole history.
-- Between two such changes a scope has one epoch; nearly always it has one for all time.

with assessed as (

    select * from {{ ref('int_permissions__assessed') }}

),

asked as (

    select * from {{ ref('int_permissions__asked') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

months as (

    select
        country,
        channel,
        cast(value as integer) as months,
        case
            when valid_from = cast('0001-01-01' as date) then {{ beginning() }}
            else {{ start_of_day('valid_from') }}
        end as months_from,
        case
            when valid_until = cast('9999-12-31' as date) then {{ forever() }}
            else {{ start_of_day('valid_until') }}
        end as months_until
    from {{ ref('policy_periods') }}
    where key = 'inactivity_months'

),

scopes as (

    select scope_id, world_id, contact_id, channel, address, purpose, brand from assessed
    union
    select scope_id, world_id, contact_id, channel, address, purpose, brand from asked

),

governed as (

    select
        scopes.*,
        {{ address_base('scopes.address') }} as address_base,
        coalesce(attributes.policy_country, '*') as policy_country
    from scopes
    left join attributes on attributes.world_id = scopes.world_id and attributes.contact_id = scopes.contact_id

),

recalled as (

    select distinct scope_id, revoked_at as epoch_from from assessed
    where revoked_at is not null

),

boundaries as (

    select governed.scope_id, months.months_from as epoch_from
    from governed
    inner join months on months.country = governed.policy_country and months.channel = governed.channel
    union
    select scope_id, epoch_from from recalled

),

periods as (

    select
        scope_id,
        epoch_from,
        lead(epoch_from, 1, {{ forever() }}) over (partition by scope_id order by epoch_from) as epoch_until
    from boundaries

),

epochs as (

    select
        {{ key_of(['periods.scope_id', 'periods.epoch_from']) }} as epoch_id,
        governed.*,
        periods.epoch_from,
        periods.epoch_until,
        months.months
    from periods
    inner join governed on governed.scope_id = periods.scope_id
    inner join months
        on
            months.country = governed.policy_country
            and months.channel = governed.channel
            and periods.epoch_from >= months.months_from
            and periods.epoch_from < months.months_until

)

select * from epochs
