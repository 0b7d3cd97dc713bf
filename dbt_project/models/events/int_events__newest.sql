{#- A view: its readers work on the received events with both processors. -#}
{{ config(materialized='view') }}
-- R8, R9: in each world the newest received version of every event, of those known there.

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

    select * from {{ ref('int_events__versions') }}

),

told_once as (

    select
        worlds.world_id,
        received.event_key,
        received.record_id,
        received.received_at as first_received_at,
        case when received.stated_at is not null then received.told_alike end as told_alike,
        received.stated_at
    from received
    {{ join_worlds() }}
    left join told_again on told_again.event_key = received.event_key
    where told_again.event_key is null

),

newest as (

    select * from told_once
    union all
    select
        world_id,
        event_key,
        record_id,
        first_received_at,
        told_alike,
        stated_at
    from versions
    where place = 1

)

select * from newest
