{{ config(
    indexes=[{'columns': ['event_key']}],
    post_hook="{{ index_of_some(this, ['quarantine_reason'], 'quarantine_reason is not null') }}"
) }}
-- R1, R6, R7, R13, R27, R30, R33: when did it happen, from when does it count, and may this record be relied on, or is it kept
-- in quarantine?

with known as (

    select * from {{ ref('int_events__known') }}

),

event_types as (

    select * from {{ ref('event_types') }}

),

sources as (

    select * from {{ ref('sources') }}

),

lead_channels as (

    select * from {{ ref('lead_channels') }}

),

vendors as (

    select * from {{ ref('vendors') }}

),

agreement_kinds as (

    select * from {{ ref('agreement_kinds') }}

),

-- R30: agreements of the kind that the vendor's role needs, with a documented process under review
covering as (

    select
        vendors.vendor,
        vendors.agreement_from,
        vendors.agreement_to,
        vendors.process_review_due
    from vendors
    inner join agreement_kinds
        on agreement_kinds.role = vendors.role and agreement_kinds.agreement_kind = vendors.agreement_kind
    where
        vendors.agreement_from is not null
        and vendors.process_ref is not null
        and vendors.process_review_due is not null

),

registered as (

    select
        known.*,
        event_types.timed_as,
        event_types.is_activity,
        case when {{ is_believable('known.stated_at') }} then known.stated_at end as occurred_at,
        {{ policy_country('known.country') }} as policy_country,
        case when known.channel in ('email', 'phone', 'sms', 'post') then known.channel else '*' end as policy_channel,
        sources.source is not null as is_registered,
        sources.kind as source_kind,
        sources.party,
        sources.brand as source_brand,
        sources.vendor,
        sources.double_opt_in,
        sources.import_only,
        lead_channels.lead_channel as declared_channel,
        lead_channels.state as channel_state,
        lead_channels.allowed_bases,
        lead_channels.required_evidence
    from known
    inner join event_types on event_types.event_type = known.event_type
    left join sources on sources.source = known.source
    left join lead_channels on lead_channels.lead_channel = coalesce(known.lead_channel, sources.lead_channel)

),

skewed as (

    select
        registered.*,
        registered.occurred_at is null as is_undated,
        coalesce(
            registered.occurred_at > {{ add_seconds('registered.received_at', '60 * cast(clock_skew.value as numeric)') }},
            false
        ) as is_future
    from registered
    -- asked only of what is told to have happened after it was received
    {{ join_policy(
        'clock_skew', 'clock_skew_minutes',
        'case when registered.occurred_at > registered.received_at then registered.policy_country end',
        'registered.policy_channel', local_date('registered.received_at')
    ) }}

),

judged as (

    select
        world_id,
        event_key,
        first_received_at,
        is_superseded,
        {%- for name, _ in received_event_types() %}
        {{ name }},
        {%- endfor %}
        email,
        phone,
        postal,
        broken_reason,
        told_alike,
        timed_as,
        is_activity,
        occurred_at,
        case
            when timed_as = 'restriction' and (is_undated or is_future) then received_at
            -- an undated permission takes its place among the others by its receipt
            when timed_as = 'permission' and is_undated then received_at
            else occurred_at
        end as effective_at,
        is_undated,
        is_future,
        is_registered,
        source_kind,
        party,
        source_brand,
        double_opt_in,
        import_only,
        declared_channel,
        allowed_bases,
        required_evidence,
        case
            when broken_reason is not null then broken_reason
            when not is_registered then 'unregistered_source'
            when channel_state is null or channel_state <> 'cleared' then 'channel_not_cleared'
            when
                party = 'vendor'
                and not exists (
                    select 1 from covering
                    where
                        covering.vendor = skewed.vendor
                        and {{ local_date('skewed.received_at') }} >= covering.agreement_from
                        and (covering.agreement_to is null or {{ local_date('skewed.received_at') }} <= covering.agreement_to)
                        and {{ local_date('skewed.received_at') }} <= covering.process_review_due
                )
                then 'vendor_not_covered'
            when timed_as = 'permission' and is_future then 'future_timestamp'
        end as quarantine_reason
    from skewed

)

select * from judged
