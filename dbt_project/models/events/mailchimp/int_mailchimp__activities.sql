-- R20, R26: what a recipient of a campaign did, as events.

with acts as (

    select * from {{ ref('int_mailchimp__acts_timed') }}

),

events as (

    select
        source,
        activity_type || 's/' || coalesce(list_id, '-') || '/' || person || '/' || coalesce(campaign_id, '-') || '/'
        || coalesce(occurred_text, 'undated') || coalesce('/' || bounce, '')
        || coalesce('/' || {{ short_digest('link') }}, '') as event_id,
        case activity_type
            when 'click' then 'link_clicked'
            when 'open' then 'email_opened'
            when 'bounce' then 'email_bounced'
        end as event_type,
        record_id,
        payload_digest,
        received_at,
        occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        case when activity_type = 'bounce' then 'email' end as channel,
        campaign_id as message_id,
        link,
        seconds_since_delivery,
        case when activity_type = 'bounce' then coalesce(bounce, 'soft') end as bounce
    from acts

)

select * from events
