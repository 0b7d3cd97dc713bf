{{ config(post_hook="{{ asked_on_request() }}") }}

-- Scopes for which a contact point has no record of any permission, but something that ends use reaches it.

with moments as (

    select * from {{ ref('decision_moments') }}

),

per_basis as (

    select distinct scope_id from {{ ref('int_decisions__per_basis') }}

),

reaching as (

    select
        standing.*,
        moments.as_of
    from {{ ref('int_restrictions__standing') }} as standing
    inner join moments
        on moments.world_id = standing.world_id and standing.at <= moments.as_of and standing.until > moments.as_of

),

alone as (

    select reaching.* from reaching
    left join per_basis on per_basis.scope_id = reaching.scope_id
    where per_basis.scope_id is null

),

ranked as (

    select
        *,
        row_number() over (
            partition by scope_id
            order by case kind when 'restriction' then 0 else 1 end, at desc, event_key desc
        ) as rank,
        row_number() over (partition by scope_id order by precedence, at, event_key) as cause_rank
    from alone

),

restricted_only as (

    select
        scope_id,
        world_id,
        contact_id,
        channel,
        address,
        purpose,
        brand,
        min(precedence) as precedence,
        coalesce(bool_or(kind = 'restriction'), false) as is_restricted,
        max(case when rank = 1 and kind = 'restriction' then at end) as restricted_at,
        max(case when rank = 1 and kind = 'restriction' then event_key end) as restricted_by,
        coalesce(bool_or(rank = 1 and reason = 'refused'), false) as is_refusal,
        max(case when cause_rank = 1 then event_key end) as stands_by,
        max(case when cause_rank = 1 then at end) as since,
        max(case when cause_rank = 1 then until end) as until
    from ranked
    group by scope_id, world_id, contact_id, channel, address, purpose, brand

)

select * from restricted_only
