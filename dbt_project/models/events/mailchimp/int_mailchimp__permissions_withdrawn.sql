-- R23: the box of the purpose was on and is off: the version shows it, the feed dates it.

with turns as (

    select * from {{ ref('int_mailchimp__turns') }}
    where standing = 'declined' and standing_before = 'subscribed'

),

feed as (

    select * from {{ ref('int_mailchimp__activity_addressed') }}
    where activity_type = 'marketing_permission' and not has_opted_in_to_marketing_permission

),

audiences as (

    select distinct
        source,
        list_id,
        marketing_permission
    from {{ ref('mailchimp_audiences') }}

),

audience_scopes as (

    select * from {{ ref('int_mailchimp__audience_scopes') }}

),

switched_off as (

    select
        source, record_id, payload_digest, received_at, list_id, member_id, email, changed_text as occurred_text
    from turns

    union all

    select
        feed.source, feed.record_id, feed.payload_digest, feed.received_at, feed.list_id, feed.member_id, feed.email,
        feed.occurred_text
    from feed
    inner join audiences
        on
            audiences.source = feed.source
            and audiences.list_id = feed.list_id
            and audiences.marketing_permission = feed.marketing_permission

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'occurred_text']) }} as is_first
    from switched_off

),

events as (

    select
        told.source,
        'permissions/' || told.list_id || '/' || told.member_id || '/' || coalesce(told.occurred_text, 'undated') as event_id,
        'consent_withdrawn' as event_type,
        told.record_id,
        told.payload_digest,
        told.received_at,
        told.occurred_text,
        told.list_id || '/' || told.member_id as source_contact_id,
        told.email as email_text,
        'email' as channel,
        audience_scopes.purpose,
        audience_scopes.brand,
        'mailchimp_marketing_permission' as method
    from told
    left join audience_scopes on audience_scopes.source = told.source and audience_scopes.list_id = told.list_id
    where told.is_first

)

select * from events
