-- For every country and channel the one value in force in each period, so that a rule only has to look it up.

with policy as (

    select
        key,
        country,
        channel,
        value,
        coalesce(valid_from, cast('0001-01-01' as date)) as valid_from,
        coalesce({{ add_days('valid_to', 1) }}, cast('9999-12-31' as date)) as valid_until
    from {{ ref('policy') }}

),

countries as (

    select country from {{ ref('policy_countries') }}
    union
    select '*'

),

channels as (

    select channel from (values ('email'), ('phone'), ('sms'), ('post'), ('*')) as channels (channel)

),

applicable as (

    select
        policy.key,
        countries.country,
        channels.channel,
        policy.value,
        policy.valid_from,
        policy.valid_until,
        case when policy.country = '*' then 0 else 2 end + case when policy.channel = '*' then 0 else 1 end as specificity
    from policy
    inner join countries on policy.country in (countries.country, '*')
    inner join channels on policy.channel in (channels.channel, '*')

),

boundaries as (

    select key, country, channel, valid_from as boundary from applicable
    union
    select key, country, channel, valid_until as boundary from applicable

),

periods as (

    select
        key,
        country,
        channel,
        boundary as valid_from,
        lead(boundary) over (partition by key, country, channel order by boundary) as valid_until
    from boundaries

),

ranked as (

    select
        periods.key,
        periods.country,
        periods.channel,
        periods.valid_from,
        periods.valid_until,
        applicable.value,
        row_number() over (
            partition by periods.key, periods.country, periods.channel, periods.valid_from
            order by applicable.specificity desc, applicable.valid_from desc
        ) as place
    from periods
    inner join applicable
        on
            applicable.key = periods.key
            and applicable.country = periods.country
            and applicable.channel = periods.channel
            and applicable.valid_from <= periods.valid_from
            and applicable.valid_until >= periods.valid_until
    where periods.valid_until is not null

),

-- what held first also holds for the time before: no rule is ever without a value
in_force as (

    select
        key,
        country,
        channel,
        value,
        case
            when row_number() over (partition by key, country, channel order by valid_from) = 1
                then cast('0001-01-01' as date)
            else valid_from
        end as valid_from,
        valid_until
    from ranked
    where place = 1

)

select * from in_force
