-- R6, R7, R13: when did it happen, and from when does it count?

with known as (

    select * from {{ ref('int_events__known') }}

),

event_types as (

    select * from {{ ref('event_types') }}

),

sources as (

    select * from {{ ref('sources') }}

),

spelled as (

    select
        known.world_id,
        known.event_key,
        known.received_at,
        known.channel,
        {{ policy_country('known.country') }} as policy_country,
        case when known.channel in ('email', 'phone', 'sms', 'post') then known.channel else '*' end as policy_channel,
        event_types.timed_as,
        event_types.is_activity,
        coalesce(sources.timezone, '{{ var("business_time_zone") }}') as zone,
        btrim(known.occurred_text) as occurred_text
    from known
    inner join event_types on event_types.event_type = known.event_type
    left join sources on sources.source = known.source

),

read as {{ computed_once() }} (

    select
        *,
        {{ stated_instant('occurred_text') }} as instant,
        case
            when occurred_text ~ '^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?$'
                then {{ wall_clock_or_null('occurred_text') }}
            -- a date alone: a permission takes its beginning, a restriction its end
            when occurred_text ~ '^\d{4}-\d{2}-\d{2}$' and timed_as = 'restriction'
                then {{ wall_clock_or_null("occurred_text || ' 23:59:59.999999'") }}
            when occurred_text ~ '^\d{4}-\d{2}-\d{2}$'
                then {{ wall_clock_or_null('occurred_text') }}
        end as wall_clock
    from spelled

),

placed as {{ computed_once() }} (

    select
        *,
        case
            when instant is not null then instant
            when timed_as = 'restriction' then {{ later_instant('wall_clock', 'zone') }}
            else {{ earlier_instant('wall_clock', 'zone') }}
        end as stated_at
    from read

),

dated as {{ computed_once() }} (

    select
        *,
        case when {{ is_believable('stated_at') }} then stated_at end as occurred_at
    from placed

),

skewed as (

    select
        dated.*,
        coalesce(
            dated.occurred_at > {{ add_seconds('dated.received_at', '60 * cast(clock_skew.value as numeric)') }}, false
        ) as is_future
    from dated
    {{ join_policy(
        'clock_skew', 'clock_skew_minutes', 'dated.policy_country', 'dated.policy_channel', local_date('dated.received_at')
    ) }}

),

timed as (

    select
        world_id,
        event_key,
        timed_as,
        is_activity,
        occurred_at,
        is_future,
        occurred_at is null as is_undated,
        case
            when timed_as = 'restriction' and (occurred_at is null or is_future) then received_at
            -- an undated permission takes its place among the others by its receipt
            when timed_as = 'permission' and occurred_at is null then received_at
            else occurred_at
        end as effective_at
    from skewed

)

select * from timed
