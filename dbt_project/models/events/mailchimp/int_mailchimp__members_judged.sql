-- R11, R13: which text a version of a member proves, and whose act its signup was.

with members as (

    select * from {{ ref('int_mailchimp__members_placed') }}

),

signups as (

    select * from {{ ref('int_mailchimp__signups') }}

),

members_judged as (

    select
        members.*,
        signups.record_id is not null as is_by_form,
        signups.text_version,
        signups.form_url,
        coalesce(members.signup_text, 'none') as signup,
        lag(members.status) over versions as status_before,
        lag(members.opt_in_text) over versions as opt_in_text_before,
        coalesce(lag(members.signup_text) over versions, 'none') as signup_before,
        max(case when members.status = 'pending' then 1 else 0 end) over (
            partition by members.source, members.list_id, members.member_id, members.signup_text
            order by members.record_id
        ) = 1 as has_been_pending
    from members
    left join signups on signups.record_id = members.record_id
    window versions as (partition by members.source, members.list_id, members.member_id order by members.record_id)

)

select * from members_judged
