-- R15: what was relied on: each start, and each renewal while live, within a life; the latest is the evidence.

with anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

live as (

    select * from {{ ref('int_timeline__live') }}

),

relied as (

    select
        anchors.epoch_id,
        anchors.event_key,
        anchors.at,
        anchors.evidence_key,
        anchors.evidence_record_id,
        live.live_from,
        case when anchors.is_renewal and anchors.at > live.live_from then anchors.at end as renewed_at,
        row_number() over (partition by anchors.epoch_id order by anchors.at, anchors.evidence_key) as place
    from anchors
    inner join live
        on
            live.epoch_id = anchors.epoch_id
            and anchors.at >= live.live_from
            and anchors.at < live.live_until

)

select * from relied
