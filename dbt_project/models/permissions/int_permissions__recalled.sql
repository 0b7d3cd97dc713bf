-- R32: which permission-forming records did their vendor recall, and from when on are they as if never given?

with recallable as (

    select world_id, event_key, event_id, source, batch from {{ ref('int_events__judged') }}
    where
        event_type in ('consent_given', 'consent_renewed', 'sale_completed', 'contact_upserted', 'address_published')
        and broken_reason is null

),

recalls as (

    select world_id, event_key, source, refers_to_batch, refers_to_event_id, effective_at
    from {{ ref('int_events__judged') }}
    where event_type = 'consent_revoked'

),

referred_to as (

    select recallable.world_id, recallable.event_key, recalls.effective_at, recalls.event_key as recall_key
    from recallable
    inner join recalls
        on
            recalls.world_id = recallable.world_id
            and recalls.source = recallable.source
            and recalls.refers_to_event_id = recallable.event_id
    union all
    select recallable.world_id, recallable.event_key, recalls.effective_at, recalls.event_key as recall_key
    from recallable
    inner join recalls
        on
            recalls.world_id = recallable.world_id
            and recalls.source = recallable.source
            and recalls.refers_to_batch = recallable.batch

),

in_order as (

    select
        world_id,
        event_key,
        effective_at,
        recall_key,
        row_number() over (partition by world_id, event_key order by effective_at, recall_key) as position
    from referred_to

),

recalled as (

    select
        world_id,
        event_key,
        effective_at as revoked_at,
        recall_key as revoked_by
    from in_order
    where position = 1

)

select * from recalled
