-- Interfaces, section 4: what is the consent's status, why, and on what evidence, at every moment?

with epochs as (

    select * from {{ ref('int_timeline__epochs') }}

),

anchors as (

    select * from {{ ref('int_timeline__anchors') }}

),

live as (

    select * from {{ ref('int_timeline__live') }}

),

restricted as (

    select
        restricted.*,
        reasons.precedence,
        reasons.kind
    from {{ ref('int_timeline__restricted') }} as restricted
    inner join {{ ref('reasons') }} as reasons on reasons.reason = restricted.reason

),

assessed as (

    select * from {{ ref('int_permissions__assessed') }}

),

confirmed as (

    select * from {{ ref('int_permissions__confirmed') }}

),

asked as (

    select * from {{ ref('int_permissions__asked') }}

),

-- what was relied on: each start, and each renewal while live, within a life
relied as (

    select
        anchors.*,
        live.live_from,
        live.live_until,
        anchors.is_renewal and anchors.at > live.live_from as renews
    from anchors
    inner join live
        on
            live.world_id = anchors.world_id
            and live.contact_id = anchors.contact_id
            and live.channel = anchors.channel
            and live.address = anchors.address
            and live.purpose = anchors.purpose
            and live.brand = anchors.brand
            and live.epoch_from = anchors.epoch_from
            and anchors.at >= live.live_from
            and anchors.at < live.live_until

),

-- every record says something from its effective instant on; classes as in the interfaces: 1 counted, waits, lapsed or
-- was revoked; 2 did not count; 3 only asked
said as (

    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.epoch_from,
        assessed.effective_at as at,
        assessed.event_key,
        case when assessed.defect is null then 1 else 2 end as class,
        case
            when assessed.defect in ('text_version_invalid', 'minor') then 'ConsentInvalidated'
            when assessed.defect is not null then 'ConsentUnknown'
            when assessed.revoked_at <= epochs.epoch_from then 'ConsentRevoked'
            when not assessed.needs_confirmation or relied.event_key is not null then 'ConsentExpired'
            else 'ConsentRequested'
        end as status,
        case
            when assessed.defect is not null then assessed.defect
            when assessed.revoked_at <= epochs.epoch_from then 'revoked'
            when not assessed.needs_confirmation or relied.event_key is not null then 'expired'
            else 'awaiting_confirmation'
        end as reason,
        case
            when assessed.defect is null and assessed.needs_confirmation and relied.event_key is null
                then assessed.confirmable_until + interval '1 microsecond'
        end as lapses_at
    from assessed
    inner join epochs
        on
            epochs.world_id = assessed.world_id
            and epochs.contact_id = assessed.contact_id
            and epochs.channel = assessed.channel
            and epochs.address = assessed.address
            and epochs.purpose = assessed.purpose
            and epochs.brand = assessed.brand
    left join relied
        on
            relied.world_id = epochs.world_id
            and relied.contact_id = epochs.contact_id
            and relied.channel = epochs.channel
            and relied.address = epochs.address
            and relied.purpose = epochs.purpose
            and relied.brand = epochs.brand
            and relied.epoch_from = epochs.epoch_from
            and relied.event_key = assessed.event_key
            and relied.at = assessed.effective_at
            and relied.evidence_key = assessed.event_key

    union all

    -- a confirmed grant's effective instant is its confirmation
    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.epoch_from,
        confirmed.confirmed_at as at,
        assessed.event_key,
        1 as class,
        case when assessed.revoked_at <= epochs.epoch_from then 'ConsentRevoked' else 'ConsentExpired' end as status,
        case when assessed.revoked_at <= epochs.epoch_from then 'revoked' else 'expired' end as reason,
        cast(null as timestamptz) as lapses_at
    from assessed
    inner join confirmed
        on
            confirmed.world_id = assessed.world_id
            and confirmed.grant_key = assessed.event_key
            and confirmed.channel = assessed.channel
            and confirmed.purpose = assessed.purpose
            and confirmed.brand = assessed.brand
    inner join epochs
        on
            epochs.world_id = assessed.world_id
            and epochs.contact_id = assessed.contact_id
            and epochs.channel = assessed.channel
            and epochs.address = assessed.address
            and epochs.purpose = assessed.purpose
            and epochs.brand = assessed.brand

    union all

    select
        epochs.world_id,
        epochs.contact_id,
        epochs.channel,
        epochs.address,
        epochs.purpose,
        epochs.brand,
        epochs.epoch_from,
        asked.effective_at as at,
        asked.event_key,
        3 as class,
        case asked.event_type when 'consent_deferred' then 'ConsentRequestDeferred' else 'ConsentRequested' end as status,
        case asked.event_type when 'consent_deferred' then 'deferred' else 'no_permission' end as reason,
        cast(null as timestamptz) as lapses_at
    from asked
    inner join epochs
        on
            epochs.world_id = asked.world_id
            and epochs.contact_id = asked.contact_id
            and epochs.channel = asked.channel
            and epochs.address = asked.address
            and epochs.purpose = asked.purpose
            and epochs.brand = asked.brand

),

statements as (

    select
        *,
        row_number() over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from, class
            order by at, event_key
        ) as place
    from said

),

evidence as (

    select
        *,
        row_number() over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from
            order by at, evidence_key
        ) as place,
        case when renews then at end as renewed_at
    from relied

),

orders as (

    select
        *,
        row_number() over (
            partition by world_id, contact_id, channel, address, purpose, brand, epoch_from
            order by at, event_key
        ) as place
    from restricted
    where kind = 'restriction'

),

-- every moment at which anything changes, with what changes
changes as (

    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, at,
        0 as life,
        case when class = 1 then place end as counted_place,
        case when class = 2 then place end as failed_place,
        case when class = 3 then place end as asked_place,
        cast(null as bigint) as evidence_place,
        cast(null as timestamptz) as renewed_at,
        cast(null as bigint) as order_place,
        {% for precedence in range(1, 9) %}0 as standing_{{ precedence }}{{ ", " if not loop.last }}{% endfor %}
    from statements
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, lapses_at as at,
        0, null, null, null, null, null, null,
        {% for precedence in range(1, 9) %}0{{ ", " if not loop.last }}{% endfor %}
    from statements
    where lapses_at is not null
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, live_from as at,
        1, null, null, null, null, null, null,
        {% for precedence in range(1, 9) %}0{{ ", " if not loop.last }}{% endfor %}
    from live
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, live_until as at,
        -1, null, null, null, null, null, null,
        {% for precedence in range(1, 9) %}0{{ ", " if not loop.last }}{% endfor %}
    from live
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, at,
        0, null, null, null, place, renewed_at, null,
        {% for precedence in range(1, 9) %}0{{ ", " if not loop.last }}{% endfor %}
    from evidence
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, at,
        0, null, null, null, null, null, null,
        {% for precedence in range(1, 9) %}case when precedence = {{ precedence }} then 1 else 0 end{{ ", " if not loop.last }}{% endfor %}
    from restricted
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, until as at,
        0, null, null, null, null, null, null,
        {% for precedence in range(1, 9) %}case when precedence = {{ precedence }} then -1 else 0 end{{ ", " if not loop.last }}{% endfor %}
    from restricted
    where until < {{ forever() }}
    union all
    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, at,
        0, null, null, null, null, null, place,
        {% for precedence in range(1, 9) %}0{{ ", " if not loop.last }}{% endfor %}
    from orders

),

moments as (

    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from, at,
        sum(life) as life,
        max(counted_place) as counted_place,
        max(failed_place) as failed_place,
        max(asked_place) as asked_place,
        max(evidence_place) as evidence_place,
        max(renewed_at) as renewed_at,
        max(order_place) as order_place,
        {% for precedence in range(1, 9) %}sum(standing_{{ precedence }}) as standing_{{ precedence }}{{ ", " if not loop.last }}{% endfor %}
    from changes
    group by world_id, contact_id, channel, address, purpose, brand, epoch_from, at

),

states as (

    select
        world_id, contact_id, channel, address, purpose, brand, epoch_from,
        at as valid_from,
        lead(at, 1, {{ forever() }}) over epoch as valid_to,
        sum(life) over epoch > 0 as is_live,
        max(counted_place) over epoch as counted_place,
        max(failed_place) over epoch as failed_place,
        max(asked_place) over epoch as asked_place,
        max(evidence_place) over epoch as evidence_place,
        max(renewed_at) over epoch as renewed_at,
        max(order_place) over epoch as order_place,
        {% for precedence in range(1, 9) %}sum(standing_{{ precedence }}) over epoch > 0 as is_standing_{{ precedence }}{{ ", " if not loop.last }}{% endfor %}
    from moments
    window epoch as (
        partition by world_id, contact_id, channel, address, purpose, brand, epoch_from
        order by at rows between unbounded preceding and current row
    )

),

described as (

    select
        states.world_id,
        states.contact_id,
        states.channel,
        states.address,
        states.purpose,
        states.brand,
        states.epoch_from,
        epochs.months,
        greatest(states.valid_from, epochs.epoch_from) as valid_from,
        least(states.valid_to, epochs.epoch_until) as valid_to,
        states.is_live,
        states.is_standing_2
        or states.is_standing_3
        or states.is_standing_4
        or states.is_standing_5
        or states.is_standing_6 as is_restricted,
        case
            {% for precedence in range(1, 9) %}when states.is_standing_{{ precedence }} then {{ precedence }}
            {% endfor %}
        end as precedence,
        latest_order.reason = 'refused' as is_refusal,
        latest_order.at as ordered_at,
        latest_order.event_key as ordered_by,
        evidence.evidence_key,
        evidence.evidence_record_id,
        evidence.at as anchored_at,
        evidence.live_from,
        coalesce(states.renewed_at >= evidence.live_from, false) as is_renewed,
        coalesce(counted.class, failed.class, asked.class) as class,
        coalesce(counted.at, failed.at, asked.at) as said_at,
        coalesce(counted.event_key, failed.event_key, asked.event_key) as said_by,
        coalesce(counted.status, failed.status, asked.status) as said_status,
        case
            when counted.lapses_at <= states.valid_from then 'confirmation_lapsed'
            else coalesce(counted.reason, failed.reason, asked.reason)
        end as said_reason
    from states
    inner join epochs
        on
            epochs.world_id = states.world_id
            and epochs.contact_id = states.contact_id
            and epochs.channel = states.channel
            and epochs.address = states.address
            and epochs.purpose = states.purpose
            and epochs.brand = states.brand
            and epochs.epoch_from = states.epoch_from
            and epochs.epoch_until > states.valid_from
            and states.valid_to > epochs.epoch_from
    {% for alias, class in [('counted', 1), ('failed', 2), ('asked', 3)] %}
    left join statements as {{ alias }}
        on
            {{ alias }}.world_id = states.world_id
            and {{ alias }}.contact_id = states.contact_id
            and {{ alias }}.channel = states.channel
            and {{ alias }}.address = states.address
            and {{ alias }}.purpose = states.purpose
            and {{ alias }}.brand = states.brand
            and {{ alias }}.epoch_from = states.epoch_from
            and {{ alias }}.class = {{ class }}
            and {{ alias }}.place = states.{{ alias }}_place
    {% endfor %}
    left join evidence
        on
            states.is_live
            and evidence.world_id = states.world_id
            and evidence.contact_id = states.contact_id
            and evidence.channel = states.channel
            and evidence.address = states.address
            and evidence.purpose = states.purpose
            and evidence.brand = states.brand
            and evidence.epoch_from = states.epoch_from
            and evidence.place = states.evidence_place
    left join orders as latest_order
        on
            latest_order.world_id = states.world_id
            and latest_order.contact_id = states.contact_id
            and latest_order.channel = states.channel
            and latest_order.address = states.address
            and latest_order.purpose = states.purpose
            and latest_order.brand = states.brand
            and latest_order.epoch_from = states.epoch_from
            and latest_order.place = states.order_place

),

decided as (

    select
        described.world_id,
        described.contact_id,
        described.channel,
        described.address,
        described.purpose,
        described.brand,
        'consent' as basis,
        1 as basis_rank,
        case
            when described.is_live and described.is_renewed then 'RenewedConsentGiven'
            when described.is_live then 'ConsentGiven'
            when described.is_restricted and described.is_refusal then 'ConsentRefused'
            when described.is_restricted then 'ConsentWithdrawn'
            else coalesce(described.said_status, 'ConsentUnknown')
        end as status,
        case
            when described.precedence is not null then reasons.reason
            when described.is_live then 'ok'
            else coalesce(described.said_reason, 'no_permission')
        end as reason,
        described.valid_from,
        described.valid_to,
        described.is_live,
        described.is_live and described.precedence is null as is_usable,
        described.is_restricted,
        described.precedence,
        case when described.is_restricted then described.ordered_at end as ordered_at,
        case when described.is_restricted then described.ordered_by end as ordered_by,
        described.is_refusal,
        described.class,
        described.said_at,
        described.said_by,
        described.said_status,
        described.said_reason,
        described.evidence_key as evidence_id,
        described.evidence_record_id,
        described.anchored_at,
        described.live_from,
        described.months
    from described
    left join {{ ref("reasons") }} as reasons on reasons.precedence = described.precedence

)

select * from decided
