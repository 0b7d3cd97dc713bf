-- Scopes in which a contact point has no permission record at all, but something that ends use reaches it.

with moments as (

    select * from {{ ref('decision_moments') }}

),

relied_on as (

    select * from {{ ref('int_decisions__relied_on') }}

),

placed as (

    select
        bound.*,
        moments.as_of,
        row_number() over (
            partition by
                bound.world_id, bound.contact_id, bound.address_base, bound.reason, bound.channel, bound.purpose,
                bound.brand
            order by bound.at desc, bound.event_key desc
        ) as place
    from {{ ref('int_restrictions__bound') }} as bound
    inner join moments on moments.world_id = bound.world_id and bound.at <= moments.as_of

),

-- Of several of one reason and scope the latest says all, before they multiply with the points of a large contact; only
-- what a later activity lifts is lifted one by one (R26).
bound as (

    select * from placed
    where place = 1 or reason = 'undeliverable'

),

lifted as (

    select * from {{ ref('int_restrictions__lifted') }}

),

points as (

    select world_id, contact_id, channel, address, address_base from {{ ref('int_contacts__points') }}
    {% if is_evaluation() %}
    union
    -- an address that no known contact carries may still be one that a restriction names
    select
        question_id as world_id,
        cast(null as text) as contact_id,
        channel,
        address,
        address_base
    from {{ source('evaluation', 'questions') }}
    {% endif %}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

reached as (

    select
        points.world_id,
        points.contact_id,
        points.channel,
        points.address,
        bound.event_key,
        bound.reason,
        bound.at,
        bound.as_of,
        bound.channel as bound_channel,
        bound.purpose,
        bound.brand
    from bound
    inner join points on points.world_id = bound.world_id and points.contact_id = bound.contact_id
    union
    select
        points.world_id,
        points.contact_id,
        points.channel,
        points.address,
        bound.event_key,
        bound.reason,
        bound.at,
        bound.as_of,
        bound.channel as bound_channel,
        bound.purpose,
        bound.brand
    from bound
    inner join points on points.world_id = bound.world_id and points.address_base = bound.address_base

),

scoped as (

    select
        reached.world_id,
        reached.contact_id,
        reached.channel,
        reached.address,
        scopes.purpose,
        scopes.brand,
        reached.event_key,
        reached.reason,
        reached.at,
        reached.as_of
    from reached
    inner join scopes
        on
            scopes.world_id = reached.world_id
            and scopes.channel = reached.channel
            and coalesce(reached.bound_channel, scopes.channel) = scopes.channel
            and coalesce(reached.purpose, scopes.purpose) = scopes.purpose
            and coalesce(reached.brand, scopes.brand) = scopes.brand

),

standing as (

    select
        scoped.*,
        reasons.precedence,
        reasons.kind,
        row_number() over (
            partition by scoped.world_id, scoped.contact_id, scoped.channel, scoped.address, scoped.purpose, scoped.brand
            order by case reasons.kind when 'restriction' then 0 else 1 end, scoped.at desc, scoped.event_key desc
        ) as place
    from scoped
    inner join {{ ref('reasons') }} as reasons on reasons.reason = scoped.reason
    left join lifted
        on
            scoped.reason = 'undeliverable'
            and lifted.world_id = scoped.world_id
            and lifted.event_key = scoped.event_key
            and lifted.address = scoped.address
    left join relied_on
        on
            relied_on.world_id = scoped.world_id
            and relied_on.contact_id = scoped.contact_id
            and relied_on.channel = scoped.channel
            and relied_on.address = scoped.address
            and relied_on.purpose = scoped.purpose
            and relied_on.brand = scoped.brand
    where
        relied_on.world_id is null
        and (lifted.unusable_until is null or lifted.unusable_until > scoped.as_of)

),

restricted_only as (

    select
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        min(precedence) as precedence,
        coalesce(bool_or(kind = 'restriction'), false) as is_restricted,
        max(case when place = 1 and kind = 'restriction' then at end) as ordered_at,
        max(case when place = 1 and kind = 'restriction' then event_key end) as ordered_by,
        coalesce(bool_or(place = 1 and reason = 'refused'), false) as is_refusal,
        max(case when place = 1 then at end) as since,
        max(case when place = 1 then event_key end) as because_of
    from standing
    group by world_id, contact_id, channel, address, purpose, brand

)

select * from restricted_only
