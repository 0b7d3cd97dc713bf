-- A state of a member is told by the first version that shows it; versions that go on showing it tell nothing new.

with members as (

    select
        *,
        case when status = 'subscribed' and not is_permitted then 'declined' else status end as standing
    from {{ ref('int_mailchimp__members_placed') }}

),

standings as (

    select
        *,
        coalesce(unsubscribe_reason ~* '(spam|abuse)', false) as is_complaint,
        lag(standing) over (partition by source, list_id, member_id order by record_id) as standing_before,
        lag(changed_at) over (partition by source, list_id, member_id order by record_id) as changed_before_at
    from members

),

turns as (

    select
        *,
        list_id || '/' || member_id || '/' || coalesce(changed_text, 'undated') as turn_id
    from standings
    where standing is distinct from standing_before

)

select * from turns
