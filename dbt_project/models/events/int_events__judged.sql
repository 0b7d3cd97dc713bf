{{ config(indexes=[{'columns': ['event_key']}, {'columns': ['quarantine_reason']}]) }}
-- R7, R27, R30, R33: may this record be relied on, or is it kept in quarantine?

with known as (

    select * from {{ ref('int_events__known') }}

),

timed as (

    select * from {{ ref('int_events__timed') }}

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

judged as (

    select
        known.*,
        timed.timed_as,
        timed.is_activity,
        timed.occurred_at,
        timed.effective_at,
        timed.is_undated,
        timed.is_future,
        sources.source is not null as is_registered,
        sources.kind as source_kind,
        sources.party,
        sources.brand as source_brand,
        sources.double_opt_in,
        sources.import_only,
        lead_channels.lead_channel as declared_channel,
        lead_channels.allowed_bases,
        lead_channels.required_evidence,
        case
            when known.broken_reason is not null then known.broken_reason
            when sources.source is null then 'unregistered_source'
            when lead_channels.state is null or lead_channels.state <> 'cleared' then 'channel_not_cleared'
            when
                sources.party = 'vendor'
                and not exists (
                    select 1 from covering
                    where
                        covering.vendor = sources.vendor
                        and {{ local_date('known.received_at') }} >= covering.agreement_from
                        and (covering.agreement_to is null or {{ local_date('known.received_at') }} <= covering.agreement_to)
                        and {{ local_date('known.received_at') }} <= covering.process_review_due
                )
                then 'vendor_not_covered'
            when timed.timed_as = 'permission' and timed.is_future then 'future_timestamp'
        end as quarantine_reason
    from known
    inner join timed on timed.world_id = known.world_id and timed.event_key = known.event_key
    left join sources on sources.source = known.source
    left join lead_channels on lead_channels.lead_channel = coalesce(known.lead_channel, sources.lead_channel)

)

select * from judged
