-- R5: when an address was asked to renew, by business date: a request that a source tells of, or the list of an earlier
-- day that held it. The list of the day itself is what is being made.

with requests as (

    select * from {{ ref('int_permissions__asked') }}
    where event_type = 'consent_requested'

),

delivered as (

    select * from {{ source('raw', 'delivered_renewals') }}

),

builds as (

    select * from {{ ref('builds') }}

),

requested as (

    select
        requests.channel,
        requests.address,
        requests.purpose,
        requests.brand,
        {{ local_date('requests.effective_at') }} as asked_on
    from requests
    cross join builds
    where requests.effective_at <= builds.as_of

),

listed as (

    select
        delivered.channel,
        delivered.address,
        delivered.purpose,
        delivered.brand,
        delivered.list_date as asked_on
    from delivered
    cross join builds
    where delivered.list_date < builds.decided_on

),

asks as (

    select * from requested
    union
    select * from listed

),

keyed as (

    select
        {{ key_of(['channel', 'address', 'purpose', 'brand']) }} as address_scope_id,
        {{ key_of(['channel', 'address', 'brand']) }} as address_brand_id,
        asks.*
    from asks

)

select * from keyed
