-- R23, R24, R26, R27, R38: what ends use, from when, and in which scope? Honoured from every source, quarantined or not.

with cleared as (

    select * from {{ ref('int_events__cleared') }}

),

purposes as (

    select * from {{ ref('purposes') }}

),

brands as (

    select distinct brand from {{ ref('sources') }}
    where brand is not null

),

-- a scope that nobody can read is all (R27)
scoped as (

    select
        cleared.*,
        case when lower(cleared.channel) in ('email', 'phone', 'sms', 'post') then lower(cleared.channel) end as read_channel,
        purposes.purpose as read_purpose,
        brands.brand as read_brand
    from cleared
    left join purposes on purposes.purpose = lower(cleared.purpose)
    left join brands on lower(brands.brand) = lower(cleared.brand)

),

stated as (

    select
        world_id,
        event_key,
        event_id,
        record_id,
        effective_at as at,
        case event_type
            when 'contact_deceased' then 'deceased'
            when 'erasure_requested' then 'erased'
            when 'objection_raised' then 'objected'
            when 'spam_complaint' then 'spam_complaint'
            when 'consent_withdrawn' then 'withdrawn'
            when 'consent_refused' then 'refused'
            when 'contact_left_company' then 'left_company'
            when 'email_bounced' then 'undeliverable'
        end as reason,
        case
            when event_type in ('contact_deceased', 'erasure_requested', 'contact_left_company') then null
            when event_type = 'email_bounced' then 'email'
            when event_type = 'spam_complaint' and channel is null then 'email'
            else read_channel
        end as channel,
        case
            when event_type in ('objection_raised', 'consent_withdrawn', 'consent_refused') then read_purpose
        end as purpose,
        case
            when event_type in ('objection_raised', 'consent_withdrawn', 'consent_refused') then read_brand
        end as brand,
        email,
        phone,
        postal
    from scoped
    where
        event_type in (
            'contact_deceased', 'erasure_requested', 'objection_raised', 'spam_complaint', 'consent_withdrawn',
            'consent_refused', 'contact_left_company'
        )
        or (event_type = 'email_bounced' and lower(bounce) = 'hard')

)

select * from stated
