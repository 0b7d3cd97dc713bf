{#- Only an evaluation needs this: in production every record is in the one world. -#}
{{ config(enabled=is_evaluation()) }}

with recursive questions as (

    select * from {{ source('evaluation', 'questions') }}

),

received as (

    select * from {{ ref('int_events__received') }}

),

links as (

    select * from {{ ref('int_events__links') }}

),

reached as (

    select
        questions.question_id as world_id,
        'address:' || questions.address_base as link
    from questions

    union

    select
        reached.world_id,
        neighbours.link
    from reached
    inner join links on links.link = reached.link
    inner join links as neighbours on neighbours.event_key = links.event_key

),

connected as (

    select distinct
        reached.world_id,
        links.event_key
    from reached
    inner join links on links.link = reached.link

),

-- a recall names a batch or an event, not a person (R32)
recalls as (

    select distinct
        connected.world_id,
        recalls.event_key
    from connected
    inner join received on received.event_key = connected.event_key
    inner join received as recalls
        on
            recalls.event_type = 'consent_revoked'
            and recalls.source = received.source
            and (recalls.refers_to_batch = received.batch or recalls.refers_to_event_id = received.event_id)

),

members as (

    select * from connected
    union
    select * from recalls

)

select * from members
