-- R41: the country of a contact of whom no record states one, as the policy is when the world is known.

with worlds as (

    select * from {{ ref('worlds') }}

),

policy as (

    select * from {{ ref('policy') }}
    where key = 'default_country' and country = '*' and channel = '*'

),

defaults as (

    select
        worlds.world_id,
        policy.value as country
    from worlds
    inner join policy
        on
            {{ local_date('worlds.known_at') }} >= policy.valid_from
            and {{ local_date('worlds.known_at') }} <= coalesce(policy.valid_to, {{ local_date('worlds.known_at') }})

),

world_countries as (

    select
        world_id,
        country,
        {{ policy_country('country') }} as policy_country
    from defaults

)

select * from world_countries
