-- R35, R36: one contact for all nodes that are connected; its id is that of its oldest record, and stays.

with recursive keyed as (

    select * from {{ ref('int_identity__keyed') }}
    where not is_quarantined

),

links as (

    select * from {{ ref('int_identity__links') }}

),

records as (

    select
        world_id,
        node,
        first_received_at,
        event_key,
        row_number() over (partition by world_id, node order by first_received_at, event_key) as place
    from keyed

),

nodes as (

    select world_id, node, first_received_at, event_key from records
    where place = 1
    union all
    -- a key or a merged record that is only referred to has no record of its own
    select distinct
        links.world_id,
        links.node,
        cast(null as timestamptz) as first_received_at,
        cast(null as text) as event_key
    from links
    left join records on records.world_id = links.world_id and records.node = links.node
    where records.node is null

),

walked as (

    select world_id, node as start, node as reached from links
    union
    select
        walked.world_id,
        walked.start,
        links.other as reached
    from walked
    inner join links on links.world_id = walked.world_id and links.node = walked.reached

),

reachable as (

    select world_id, start, reached from walked
    union
    select world_id, node as start, node as reached from nodes

),

ranked as (

    select
        reachable.world_id,
        reachable.start as node,
        nodes.event_key,
        row_number() over (
            partition by reachable.world_id, reachable.start
            order by nodes.first_received_at nulls last, nodes.event_key nulls last, nodes.node
        ) as place
    from reachable
    inner join nodes on nodes.world_id = reachable.world_id and nodes.node = reachable.reached

),

contacts as (

    select
        world_id,
        node,
        md5(coalesce(event_key, node)) as contact_id
    from ranked
    where place = 1

)

select * from contacts
