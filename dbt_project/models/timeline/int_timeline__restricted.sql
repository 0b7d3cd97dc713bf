-- R10, R23-R27, R38: from when until when does each restriction or block stand over each scope?

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

reasons as (

    select * from {{ ref('reasons') }}

),

reached as (

    {% for bond in ['contact_id', 'address_base'] %}
    select
        epochs.epoch_id,
        epochs.address,
        bound.world_id,
        bound.event_key,
        bound.reason,
        bound.at
    from epochs
    inner join bound
        on
            bound.world_id = epochs.world_id
            and bound.{{ bond }} = epochs.{{ bond }}
            and coalesce(bound.channel, epochs.channel) = epochs.channel
            and coalesce(bound.purpose, epochs.purpose) = epochs.purpose
            and coalesce(bound.brand, epochs.brand) = epochs.brand
    {{ "union" if not loop.last }}
    {% endfor %}

),

-- a restriction stands until the person's own later consent restores the scope; a block does not
restored as (

    select
        reached.epoch_id,
        reached.address,
        reached.world_id,
        reached.event_key,
        reached.reason,
        reached.at,
        min(anchors.at) as restored_at
    from reached
    left join anchors
        on
            anchors.epoch_id = reached.epoch_id
            and anchors.at > reached.at
            and (
                (reached.reason = 'erased' and anchors.restores_erased)
                or (reached.reason in ('objected', 'spam_complaint', 'withdrawn', 'refused') and anchors.restores)
            )
    group by reached.epoch_id, reached.address, reached.world_id, reached.event_key, reached.reason, reached.at

),

restricted as (

    select
        restored.epoch_id,
        restored.event_key,
        restored.reason,
        reasons.precedence,
        reasons.kind,
        restored.at,
        case
            when restored.reason = 'undeliverable' then coalesce(lifted.unusable_until, {{ forever() }})
            else coalesce(restored.restored_at, {{ forever() }})
        end as until
    from restored
    inner join reasons on reasons.reason = restored.reason
    left join lifted
        on
            restored.reason = 'undeliverable'
            and lifted.world_id = restored.world_id
            and lifted.event_key = restored.event_key
            and lifted.address = restored.address

)

select * from restricted
