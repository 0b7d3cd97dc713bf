-- R18: when was a person first told that we hold their data (art. 13, 14), and by which notice?

with cleared as (

    select * from {{ ref('int_events__cleared') }}
    where event_type = 'notice_given' and not is_undated

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

ranked as (

    select
        cleared.world_id,
        resolved.contact_id,
        cleared.event_key,
        cleared.record_id,
        cleared.effective_at as noticed_at,
        row_number() over (
            partition by cleared.world_id, resolved.contact_id order by cleared.effective_at, cleared.event_key
        ) as rank
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key

),

first_notices as (

    select
        world_id,
        contact_id,
        event_key,
        record_id,
        noticed_at
    from ranked
    where rank = 1

)

select * from first_notices
