-- R8, R32: a rule about the state changes with the moment asked about, and is then applied to the whole history.
-- Between two such changes a key has one epoch; nearly always it has one for all time.

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
        valid_from,
        valid_until
    from {{ ref('policy_periods') }}
    where key = 'inactivity_months'

),

keys as (

    select world_id, contact_id, channel, address, purpose, brand from assessed
    union
    select world_id, contact_id, channel, address, purpose, brand from asked

),

governed as (

    select
        keys.*,
        coalesce(attributes.policy_country, '*') as policy_country
    from keys
    left join attributes on attributes.world_id = keys.world_id and attributes.contact_id = keys.contact_id

),

boundaries as (

    select
        governed.world_id,
        governed.contact_id,
        governed.channel,
        governed.address,
        governed.purpose,
        governed.brand,
        governed.policy_country,
        case
            when months.valid_from = cast('0001-01-01' as date) then {{ beginning() }}
            else {{ start_of_day('months.valid_from') }}
        end as epoch_from
    from governed
    inner join months on months.country = governed.policy_country and months.channel = governed.channel
    union
    select
        governed.world_id,
        governed.contact_id,
        governed.channel,
        governed.address,
        governed.purpose,
        governed.brand,
        governed.policy_country,
        assessed.revoked_at as epoch_from
    from governed
    inner join assessed
        on
            assessed.world_id = governed.world_id
            and assessed.contact_id = governed.contact_id
            and assessed.channel = governed.channel
            and assessed.address = governed.address
            and assessed.purpose = governed.purpose
            and assessed.brand = governed.brand
    where assessed.revoked_at is not null

),

periods as (

    select
        *,
        lead(epoch_from, 1, {{ forever() }}) over (
            partition by world_id, contact_id, channel, address, purpose, brand order by epoch_from
        ) as epoch_until
    from boundaries

),

epochs as (

    select
        periods.world_id,
        periods.contact_id,
        periods.channel,
        periods.address,
        periods.purpose,
        periods.brand,
        periods.epoch_from,
        periods.epoch_until,
        months.months
    from periods
    inner join months
        on
            months.country = periods.policy_country
            and months.channel = periods.channel
            and periods.epoch_from >= case
                when months.valid_from = cast('0001-01-01' as date) then {{ beginning() }}
                else {{ start_of_day('months.valid_from') }}
            end
            and (
                months.valid_until = cast('9999-12-31' as date)
                or periods.epoch_from < {{ start_of_day('months.valid_until') }}
            )

)

select * from epochs
