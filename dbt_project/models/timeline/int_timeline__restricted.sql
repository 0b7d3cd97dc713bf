-- R10, R23, R24, R38: from when until when does each restriction or block stand over each scope period? The person's own
-- later consent restores its scope, on that basis alone.

with scope_periods as (

    select * from {{ ref('int_timeline__scope_periods') }}

),

bases as (

    select * from {{ ref('bases') }}

),

standing as (

    select * from {{ ref('int_restrictions__standing') }}

),

anchors as (

    select * from {{ ref('int_timeline__anchors') }}
    where restores or restores_erased

),

reached as (

    select
        scope_periods.scope_period_id,
        bases.is_restorable,
        standing.event_key,
        standing.reason,
        standing.precedence,
        standing.kind,
        standing.restored_by,
        standing.at,
        standing.until
    from scope_periods
    inner join bases on bases.basis = scope_periods.basis
    inner join standing on standing.scope_id = scope_periods.scope_id

),

restored as (

    select
        reached.scope_period_id,
        reached.event_key,
        min(anchors.at) as restored_at
    from reached
    inner join anchors
        on
            anchors.scope_period_id = reached.scope_period_id
            and anchors.at > reached.at
            and (
                (reached.restored_by = 'own_consent' and anchors.restores)
                or (reached.restored_by = 'own_consent_elsewhere' and anchors.restores_erased)
            )
    where reached.is_restorable
    group by reached.scope_period_id, reached.event_key

),

restricted as (

    select
        reached.scope_period_id,
        reached.event_key,
        reached.reason,
        reached.precedence,
        reached.kind,
        reached.at,
        coalesce(restored.restored_at, reached.until) as until
    from reached
    left join restored on restored.scope_period_id = reached.scope_period_id and restored.event_key = reached.event_key

)

select * from restricted
