-- R9: which versions are there of what was told more than once, and whom do they name?

with received as (

    select * from {{ ref('int_events__received') }}

),

event_types as (

    select * from {{ ref('event_types') }}

),

worlds as (

    select * from {{ ref('worlds') }}

),

{% if is_evaluation() %}
members as (

    select * from {{ ref('world_members') }}

),

{% endif %}
told_again as (

    select * from {{ ref('int_events__told_again') }}

),

versions as (

    select
        worlds.world_id,
        received.event_key,
        received.record_id,
        coalesce({{ address_base('received.email') }}, lower(received.email_text)) as email,
        coalesce(received.phone, received.phone_text) as phone,
        received.postal,
        received.source_contact_id,
        event_types.when_broken = 'restricts' as restricts,
        case when received.stated_at is not null then received.told_alike end as told_alike,
        received.stated_at,
        row_number() over (
            partition by worlds.world_id, received.event_key
            order by received.received_at desc, received.record_id desc
        ) as place,
        min(received.received_at) over (partition by worlds.world_id, received.event_key) as first_received_at
    from received
    {{ join_worlds() }}
    inner join told_again on told_again.event_key = received.event_key

)

select * from versions
