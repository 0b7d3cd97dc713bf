-- R32: which permission-forming records did their vendor recall, and from when on are they as if never given?

with recallable as (

    select world_id, event_key, event_id, source, batch from {{ ref('int_events__judged') }}
    where
        event_type in ('consent_given', 'consent_renewed', 'sale_completed', 'contact_upserted', 'address_published')
        and broken_reason is null

),

recalls as (

    select world_id, source, refers_to_batch, refers_to_event_id, effective_at from {{ ref('int_events__judged') }}
    where event_type = 'consent_revoked'

),

referred_to as (

    select recallable.world_id, recallable.event_key, recalls.effective_at
    from recallable
    inner join recalls
        on
            recalls.world_id = recallable.world_id
            and recalls.source = recallable.source
            and recalls.refers_to_event_id = recallable.event_id
    union all
    select recallable.world_id, recallable.event_key, recalls.effective_at
    from recallable
    inner join recalls
        on
            recalls.world_id = recallable.world_id
            and recalls.source = recallable.source
            and recalls.refers_to_batch = recallable.batch

),

recalled as (

    select
        world_id,
        event_key,
        min(effective_at) as revoked_at
    from referred_to
    group by world_id, event_key

)

select * from recalled
