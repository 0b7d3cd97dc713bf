-- R23: every moment at which somebody left an audience, by a report or by the state of the member.

with reported as (

    select * from {{ ref('int_mailchimp__departures_reported') }}

),

turns as (

    select * from {{ ref('int_mailchimp__turns') }}
    where standing = 'unsubscribed'

),

left_at as (

    select
        member_key,
        coalesce(occurred_at, received_at) as moment
    from reported

    union all

    select
        member_key,
        coalesce(changed_at, received_at) as moment
    from turns

)

select * from left_at
