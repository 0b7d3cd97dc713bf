{% if is_evaluation() %}

with questions as (

    select * from {{ source('evaluation', 'questions') }}

),

moments as (

    select
        question_id as world_id,
        as_of
    from questions

)

{% else %}

with this_build as (

    select * from {{ source('build', 'this_build') }}

),

moments as (

    select
        cast(0 as bigint) as world_id,
        as_of
    from this_build

)

{% endif %}

select * from moments
