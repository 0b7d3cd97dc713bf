{#- One answer per question: over all contacts that carry the address (docs/contract.md). -#}
{{ config(enabled=is_evaluation()) }}

with questions as (

    select * from {{ source('evaluation', 'questions') }}

),

considered as (

    select * from {{ ref('int_decisions__considered') }}

),

role_addresses as (

    select distinct lower(local_part) as local_part from {{ ref('role_addresses') }}

),

candidates as (

    select
        questions.question_id,
        {{ local_date('questions.as_of') }} as asked_on,
        questions.channel = 'email'
        and split_part(questions.address_base, '@', 1) in (select local_part from role_addresses) as is_role_address,
        considered.*
    from questions
    left join considered
        on
            considered.world_id = questions.question_id
            and considered.channel = questions.channel
            and considered.address = questions.address
            and considered.purpose = questions.purpose
            and considered.brand = questions.brand

),

{{ decided_over('candidates', 'question_id') }},

answered as (

    select
        question_id,
        is_marketable as marketable,
        basis_relied_on as basis,
        status_given as status,
        reason_given as reason,
        case when is_marketable then evidence_id end as evidence_id,
        case when is_marketable then expires_on end as expires_on,
        case when is_marketable then renewal_due_on end as renewal_due_on,
        is_marketable and asked_on >= renewal_due_on and asked_on <= expires_on as renewal_due,
        since_given as since,
        nullif(until_given, {{ forever() }}) as until,
        case when is_marketable then granted_by end as granted_by,
        case when is_marketable then anchored_by end as anchored_by,
        because_of
    from decided

)

select * from answered
