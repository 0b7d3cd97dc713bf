{% if is_evaluation() %}

with questions as (

    select * from {{ source('evaluation', 'questions') }}

),

worlds as (

    select
        question_id as world_id,
        known_at
    from questions

)

{% else %}

with this_build as (

    select * from {{ source('build', 'this_build') }}

),

worlds as (

    select
        cast(0 as bigint) as world_id,
        known_at
    from this_build

)

{% endif %}

select * from worlds
