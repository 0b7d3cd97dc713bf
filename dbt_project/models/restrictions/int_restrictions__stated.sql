-- R23, R24, R26, R27, R38: what ends use, from when, and in which scope? Honoured from every source, quarantined or not.

with events as (

    select * from {{ ref('int_events__judged') }}

),

purposes as (

    select * from {{ ref('purposes') }}

),

brands as (

    select distinct brand from {{ ref('sources') }}
    where brand is not null

),

reasons as (

    select * from {{ ref('reasons') }}

),

-- a scope that nobody can read is all (R27)
scoped as (

    select
        events.*,
        case when lower(events.channel) in ('email', 'phone', 'sms', 'post') then lower(events.channel) end as read_channel,
        purposes.purpose as read_purpose,
        brands.brand as read_brand
    from events
    left join purposes on purposes.purpose = lower(events.purpose)
    left join brands on lower(brands.brand) = lower(events.brand)

),

stated as (

    select
        scoped.world_id,
        scoped.event_key,
        scoped.event_id,
        scoped.record_id,
        scoped.effective_at as at,
        reasons.reason,
        reasons.binds,
        case reasons.scope
            when 'stated' then scoped.read_channel
            when 'email' then 'email'
            when 'channel' then case when scoped.channel is null then 'email' else scoped.read_channel end
        end as channel,
        case when reasons.scope = 'stated' then scoped.read_purpose end as purpose,
        case when reasons.scope = 'stated' then scoped.read_brand end as brand,
        scoped.email,
        scoped.phone,
        scoped.postal
    from scoped
    inner join reasons on reasons.event_type = scoped.event_type
    -- mail that came back for the moment only says nothing (R26)
    where scoped.event_type <> 'email_bounced' or lower(scoped.bounce) = 'hard'

)

select * from stated
