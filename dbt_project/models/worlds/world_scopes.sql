{% if is_evaluation() %}

with questions as (

    select * from {{ source('evaluation', 'questions') }}

),

scopes as (

    select
        question_id as world_id,
        channel,
        purpose,
        brand
    from questions

)

{% else %}

with channels as (

    select channel from (values ('email'), ('phone'), ('sms'), ('post')) as channels (channel)

),

purposes as (

    select purpose from {{ ref('purposes') }}

),

brands as (

    select distinct brand from {{ ref('sources') }}
    where brand is not null

),

scopes as (

    select
        cast(0 as bigint) as world_id,
        channels.channel,
        purposes.purpose,
        brands.brand
    from channels
    cross join purposes
    cross join brands

)

{% endif %}

select * from scopes
