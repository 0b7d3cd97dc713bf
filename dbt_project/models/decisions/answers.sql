{#- One answer per question: over all contacts that carry the address (interfaces, section 4). -#}
{{ config(enabled=is_evaluation()) }}

with questions as (

    select * from {{ source('evaluation', 'questions') }}

),

per_contact as (

    select * from {{ ref('int_decisions__per_contact') }}

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
        per_contact.*
    from questions
    left join per_contact
        on
            per_contact.world_id = questions.question_id
            and per_contact.channel = questions.channel
            and per_contact.address = questions.address
            and per_contact.purpose = questions.purpose
            and per_contact.brand = questions.brand

),

ranked as (

    select
        *,
        row_number() over (
            partition by question_id
            order by case when is_usable then 0 else 1 end, basis_rank, expires_on desc, evidence_id
        ) as relied_place,
        row_number() over (
            partition by question_id
            order by
                case when is_restricted then 0 else 1 end,
                ordered_at desc nulls last,
                ordered_by desc nulls last,
                class nulls last,
                said_at desc nulls last,
                said_by desc nulls last
        ) as status_place,
        row_number() over (
            partition by question_id
            order by class nulls last, said_at desc nulls last, said_by desc nulls last
        ) as said_place,
        min(precedence) over (partition by question_id) as first_precedence,
        bool_or(coalesce(is_usable, false)) over (partition by question_id) as is_marketable
    from candidates

),

answered as (

    select
        relied.question_id,
        relied.is_marketable as marketable,
        case when relied.is_marketable then relied.basis end as basis,
        case
            when relied.is_marketable then relied.status
            else coalesce(stated.status, 'ConsentUnknown')
        end as status,
        case
            when relied.is_marketable then 'ok'
            when reasons.reason is not null then reasons.reason
            when said.class in (1, 2) then said.said_reason
            when relied.is_role_address then 'role_address'
            else coalesce(said.said_reason, 'no_permission')
        end as reason,
        case when relied.is_marketable then relied.evidence_id end as evidence_id,
        case when relied.is_marketable then relied.expires_on end as expires_on,
        case when relied.is_marketable then relied.renewal_due_on end as renewal_due_on,
        relied.is_marketable
        and relied.asked_on >= relied.renewal_due_on
        and relied.asked_on <= relied.expires_on as renewal_due
    from ranked as relied
    inner join ranked as stated on stated.question_id = relied.question_id and stated.status_place = 1
    inner join ranked as said on said.question_id = relied.question_id and said.said_place = 1
    left join {{ ref('reasons') }} as reasons on reasons.precedence = relied.first_precedence
    where relied.relied_place = 1

)

select * from answered
