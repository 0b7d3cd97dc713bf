-- R10, R23-R27, R38: from when until when does each restriction stand over each key?

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

bound as (

    select * from {{ ref('int_restrictions__bound') }}

),

lifted as (

    select * from {{ ref('int_restrictions__lifted') }}

),

reached as (

    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.epoch_from,
        bound.event_key,
        bound.reason,
        bound.at
    from epochs
    inner join bound
        on
            bound.world_id = epochs.world_id
            and bound.contact_id = epochs.contact_id
            and coalesce(bound.channel, epochs.channel) = epochs.channel
            and coalesce(bound.purpose, epochs.purpose) = epochs.purpose
            and coalesce(bound.brand, epochs.brand) = epochs.brand

    union

    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.epoch_from,
        bound.event_key,
        bound.reason,
        bound.at
    from epochs
    inner join bound
        on
            bound.world_id = epochs.world_id
            and bound.address_base = {{ address_base('epochs.address') }}
            and coalesce(bound.channel, epochs.channel) = epochs.channel
            and coalesce(bound.purpose, epochs.purpose) = epochs.purpose
            and coalesce(bound.brand, epochs.brand) = epochs.brand

),

-- a restriction stands until the person's own later consent restores the scope; a block does not
restored as (

    select
        reached.world_id,
        reached.contact_id,
        reached.channel,
        reached.address,
        reached.purpose,
        reached.brand,
        reached.epoch_from,
        reached.event_key,
        reached.reason,
        reached.at,
        min(anchors.at) as restored_at
    from reached
    left join anchors
        on
            anchors.world_id = reached.world_id
            and anchors.contact_id = reached.contact_id
            and anchors.channel = reached.channel
            and anchors.address = reached.address
            and anchors.purpose = reached.purpose
            and anchors.brand = reached.brand
            and anchors.epoch_from = reached.epoch_from
            and anchors.at > reached.at
            and (
                (reached.reason = 'erased' and anchors.restores_erased)
                or (reached.reason in ('objected', 'spam_complaint', 'withdrawn', 'refused') and anchors.restores)
            )
    group by
        reached.world_id, reached.contact_id, reached.channel, reached.address, reached.purpose, reached.brand,
        reached.epoch_from, reached.event_key, reached.reason, reached.at

),

restricted as (

    select
        restored.world_id,
        restored.contact_id,
        restored.channel,
        restored.address,
        restored.purpose,
        restored.brand,
        restored.epoch_from,
        restored.event_key,
        restored.reason,
        restored.at,
        case
            when restored.reason = 'undeliverable' then coalesce(lifted.unusable_until, {{ forever() }})
            else coalesce(restored.restored_at, {{ forever() }})
        end as until
    from restored
    left join lifted
        on
            restored.reason = 'undeliverable'
            and lifted.world_id = restored.world_id
            and lifted.event_key = restored.event_key
            and lifted.address = restored.address

)

select * from restricted
