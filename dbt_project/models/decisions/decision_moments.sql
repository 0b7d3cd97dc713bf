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

with moments as (

    select
        cast(0 as bigint) as world_id,
        {{ business_moment() }} as as_of

)

{% endif %}

select * from moments
