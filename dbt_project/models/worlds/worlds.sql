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

with worlds as (

    select
        cast(0 as bigint) as world_id,
        cast('{{ var("known_at") or "infinity" }}' as timestamptz) as known_at

)

{% endif %}

select * from worlds
