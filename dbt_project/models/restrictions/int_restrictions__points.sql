-- Which points may a restriction reach? Those of every contact, those for which a permission or request was recorded, and
-- in an evaluation the address asked about, though nobody that we know carries it.

with contact_points as (

    select world_id, contact_id, channel, address from {{ ref('int_contacts__points') }}

),

recorded as (

    {% for relation in ['consents', 'asked', 'soft_opt_ins', 'interests', 'publications'] %}
    select world_id, contact_id, channel, address from {{ ref('int_permissions__' ~ relation) }}
    {{ "union" if not loop.last }}
    {% endfor %}

),

carried as (

    select world_id, contact_id, channel, address from contact_points
    union
    select world_id, contact_id, channel, address from recorded

),

{% if is_evaluation() %}
questions as (

    select * from {{ source('evaluation', 'questions') }}

),

points as (

    select world_id, contact_id, channel, address from carried
    union all
    select
        questions.question_id as world_id,
        cast(null as text) as contact_id,
        questions.channel,
        questions.address
    from questions
    left join carried
        on
            carried.world_id = questions.question_id
            and carried.channel = questions.channel
            and carried.address = questions.address
    where carried.world_id is null

),

{% else %}
points as (

    select world_id, contact_id, channel, address from carried

),

{% endif %}
based as (

    select
        world_id,
        contact_id,
        channel,
        address,
        {{ address_base('address') }} as address_base
    from points

)

select * from based
