-- R27: which addresses can be read in a cell that is not one address?

with received as (

    select * from {{ ref('int_events__received') }}

),

within as (

    select * from {{ ref('stg_landing__addresses_within') }}

),

found as (

    select
        received.record_id,
        received.event_id,
        received.event_key,
        'email' as kind,
        within.address
    from received
    inner join within
        on within.kind = 'email' and within.spelling = received.email_text and within.country = ''
    where received.email is null

    union

    select
        received.record_id,
        received.event_id,
        received.event_key,
        'phone' as kind,
        within.address
    from received
    inner join within
        on
            within.kind = 'phone'
            and within.spelling = received.phone_text
            and within.country = coalesce(received.country, received.default_country, '')
    where received.phone is null

)

select * from found
