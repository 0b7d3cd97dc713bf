-- R21: how long after its delivery a link was clicked: from the mail to this member, where the feed tells of it, for a campaign
-- to many takes its time; else from the campaign's.

with acts as (

    select * from {{ ref('int_mailchimp__acts_reported') }}

),

feed as (

    select * from {{ ref('stg_mailchimp__activity') }}
    where activity_type = 'sent'

),

reports as (

    select
        *,
        row_number() over (partition by source, campaign_id order by record_id desc) as place
    from {{ ref('stg_mailchimp__reports') }}

),

campaigns as (

    select
        source,
        campaign_id,
        {{ instant_or_null('sent_text') }} as sent_at
    from reports
    where place = 1

),

sent_to_members as (

    select
        {{ key_of(['source', 'list_id', 'member_id', 'campaign_id']) }} as mail_key,
        {{ instant_or_null('occurred_text') }} as sent_at
    from feed

),

mailed as (

    select
        acts.record_id,
        max(sent_to_members.sent_at) as sent_at
    from acts
    inner join sent_to_members
        on sent_to_members.mail_key = acts.mail_key and sent_to_members.sent_at <= acts.occurred_at
    where acts.activity_type = 'click'
    group by acts.record_id

),

acts_timed as (

    select
        acts.*,
        case
            when acts.activity_type = 'click'
                then {{ seconds_between('coalesce(mailed.sent_at, campaigns.sent_at)', 'acts.occurred_at') }}
        end as seconds_since_delivery
    from acts
    left join campaigns on campaigns.source = acts.source and campaigns.campaign_id = acts.campaign_id
    left join mailed on mailed.record_id = acts.record_id

)

select * from acts_timed
