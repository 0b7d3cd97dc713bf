-- R20: opens, clicks and bounces, from whichever side they come; what feed and report tell alike is told once.

with feed as (

    select * from {{ ref('int_mailchimp__activity_addressed') }}
    where activity_type in ('open', 'click', 'bounce')

),

email_activity as (

    select * from {{ ref('stg_mailchimp__email_activity') }}
    where activity_type in ('open', 'click', 'bounce')

),

members as (

    select * from {{ ref('int_mailchimp__members_by_address') }}

),

reported as (

    select
        source, record_id, payload_digest, received_at, list_id, member_id, email, campaign_id, activity_type, link, bounce,
        occurred_text,
        'member/' || member_id as person
    from feed

    union all

    select
        email_activity.source, email_activity.record_id, email_activity.payload_digest, email_activity.received_at,
        email_activity.list_id, members.member_id, email_activity.email, email_activity.campaign_id,
        email_activity.activity_type, email_activity.link, email_activity.bounce, email_activity.occurred_text,
        coalesce('member/' || members.member_id, 'campaign/' || email_activity.activity_id) as person
    from email_activity
    left join members
        on
            members.address_key
            = {{ key_of(['email_activity.source', 'email_activity.list_id', 'email_activity.address_digest']) }}

),

told as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id', 'campaign_id']) }} as mail_key,
        {{ instant_or_null('occurred_text') }} as occurred_at,
        {{ first_receipt([
            'source', 'list_id', 'person', 'campaign_id', 'activity_type', 'link', 'bounce', 'occurred_text'
        ]) }} as is_first
    from reported

)

select * from told
where is_first
