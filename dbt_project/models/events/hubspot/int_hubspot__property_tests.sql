-- Which properties of an account are held against which test: the registry's rows, and of each subscription type the property
-- that says whether the contact opted out of it, in that subscription's scope (R23).

with tests as (

    select * from {{ ref('hubspot_property_turns') }}

),

sources as (

    select distinct source from {{ ref('stg_hubspot__contacts') }}

),

definitions as (

    select * from {{ ref('stg_hubspot__subscription_definitions') }}

),

subscriptions as (

    select * from {{ ref('hubspot_subscriptions') }}

),

-- a type that the account no longer defines is still what the registry says of it
subscription_ids as (

    select source, subscription_id from definitions

    union

    select source, subscription_id from subscriptions

),

of_registry as (

    select sources.source, tests.*
    from tests
    cross join sources
    where tests.property not like '%*'

),

of_subscriptions as (

    select
        subscription_ids.source,
        replace(tests.property, '*', subscription_ids.subscription_id) as property,
        tests.event_kind || '/' || subscription_ids.subscription_id as event_kind,
        tests.turn,
        tests.on_when,
        tests.on_value,
        tests.tells_each_value,
        coalesce(subscriptions.channel, tests.channel) as channel,
        subscriptions.purpose,
        subscriptions.brand
    from tests
    cross join subscription_ids
    left join subscriptions
        on
            subscriptions.source = subscription_ids.source
            and subscriptions.subscription_id = subscription_ids.subscription_id
    where tests.property like '%*'

),

property_tests as (

    select * from of_registry

    union all

    select * from of_subscriptions

)

select * from property_tests
