-- R15, R17-R19: each anchor within a life takes effect from its instant, or from the notice that informs it; the latest of
-- them is the evidence.

with anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

live as (

    select * from {{ ref('int_timeline__live') }}

),

effective_grants as (

    select
        anchors.scope_period_id,
        anchors.event_key,
        anchors.anchored_by,
        anchors.at as anchored_at,
        anchors.counts_from as at,
        anchors.evidence_key,
        anchors.evidence_record_id,
        live.began_at,
        live.live_from,
        case when anchors.is_renewal and anchors.at > live.live_from then anchors.at end as renewed_at,
        row_number() over (
            partition by anchors.scope_period_id order by anchors.counts_from, anchors.at, anchors.evidence_key
        ) as rank
    from anchors
    inner join live
        on
            live.scope_period_id = anchors.scope_period_id
            and anchors.at >= live.began_at
            and anchors.at < live.live_until

)

select * from effective_grants
