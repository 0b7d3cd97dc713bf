-- depends_on: {{ ref('int_timeline__scope_periods') }}: nothing of it is read, but what that waits for goes first
{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['contact_id']}]) }}

with events as (

    select * from {{ ref('int_events__judged') }}

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

event_types as (

    select * from {{ ref('event_types') }}

),

-- what we did ourselves, and what image proxies do, says nothing about consent (R20)
consent_events as (

    select
        events.event_key,
        resolved.contact_id,
        events.event_type,
        events.occurred_at,
        events.received_at,
        events.source,
        events.channel,
        events.purpose,
        events.brand,
        coalesce(events.lead_channel, events.declared_channel) as lead_channel,
        events.text_version,
        events.method,
        events.form_url,
        events.ip,
        events.user_agent,
        events.recording_ref,
        events.document_ref,
        events.parental_ref,
        events.order_id,
        events.notice_version,
        events.publication_url,
        events.publication_snapshot,
        events.quarantine_reason,
        events.is_superseded,
        {{ hex_text('events.payload_digest') }} as payload_digest,
        events.record_id
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key
    inner join event_types on event_types.event_type = events.event_type
    where event_types.decides

)

select * from consent_events
