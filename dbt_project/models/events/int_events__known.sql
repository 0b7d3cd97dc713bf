-- R8, R9: in each world the newest received version of every event stands, of those known there.

with received as (

    select * from {{ ref('int_events__received') }}

),

worlds as (

    select * from {{ ref('worlds') }}

),

{% if is_evaluation() %}
members as (

    select * from {{ ref('world_members') }}

),

{% endif %}
known as (

    select
        worlds.world_id,
        received.event_key,
        received.record_id,
        row_number() over (
            partition by worlds.world_id, received.event_key
            order by received.received_at desc, received.payload_digest desc
        ) as place,
        min(received.received_at) over (partition by worlds.world_id, received.event_key) as first_received_at
    from received
{% if is_evaluation() %}
    inner join members on members.event_key = received.event_key
    inner join worlds on worlds.world_id = members.world_id and received.received_at <= worlds.known_at
{% else %}
    inner join worlds on received.received_at <= worlds.known_at
{% endif %}
),

standing as (

    select
        known.world_id,
        known.first_received_at,
        received.*
    from known
    inner join received on received.record_id = known.record_id and received.event_key = known.event_key
    where known.place = 1

)

select * from standing
