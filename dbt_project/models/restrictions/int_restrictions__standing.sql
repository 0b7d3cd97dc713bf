{{ config(cluster_by=['scope_id'], indexes=[{'columns': ['contact_id']}, {'columns': ['at']}, {'columns': ['until']}]) }}
-- R25-R27, R34: what stands over each point and scope, from when until when? Asked by the timeline, which knows besides
-- what the person's own consent restores (R23), by the decisions and by `contact_points`.

with bound as (

    select * from {{ ref('int_restrictions__bound') }}

),

lifted as (

    select * from {{ ref('int_restrictions__lifted') }}

),

reasons as (

    select * from {{ ref('reasons') }}

),

known_points as (

    select * from {{ ref('int_restrictions__points') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

reached as (

    {% for bond in ['contact_id', 'address_base'] %}
    select
        points.world_id,
        points.contact_id,
        points.channel,
        points.address,
        bound.event_key,
        bound.reason,
        bound.at,
        bound.purpose,
        bound.brand
    from known_points as points
    inner join bound
        on
            bound.world_id = points.world_id
            and bound.{{ bond }} = points.{{ bond }}
            and coalesce(bound.channel, points.channel) = points.channel
    {{ "union" if not loop.last }}
    {% endfor %}

),

dated as (

    select
        reached.*,
        reasons.precedence,
        reasons.kind,
        reasons.restored_by,
        coalesce(lifted.unusable_until, {{ forever() }}) as until
    from reached
    inner join reasons on reasons.reason = reached.reason
    left join lifted
        on
            reasons.restored_by = 'own_act'
            and lifted.world_id = reached.world_id
            and lifted.event_key = reached.event_key
            and lifted.address = reached.address

),

standing as (

    select
        {{ key_within('dated.contact_id', [
            'dated.world_id', 'dated.contact_id', 'dated.channel', 'dated.address', 'scopes.purpose', 'scopes.brand'
        ]) }} as scope_id,
        dated.world_id,
        dated.contact_id,
        dated.channel,
        dated.address,
        scopes.purpose,
        scopes.brand,
        dated.event_key,
        dated.reason,
        dated.precedence,
        dated.kind,
        dated.restored_by,
        dated.at,
        dated.until
    from dated
    inner join scopes
        on
            scopes.world_id = dated.world_id
            and scopes.channel = dated.channel
            and coalesce(dated.purpose, scopes.purpose) = scopes.purpose
            and coalesce(dated.brand, scopes.brand) = scopes.brand

)

select * from standing
