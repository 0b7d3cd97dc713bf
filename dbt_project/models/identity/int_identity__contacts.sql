-- R35, R36: one contact for all nodes that are connected; its id is that of its oldest record, and stays.

with recursive keyed as (

    select * from {{ ref('int_identity__keyed') }}
    where not is_quarantined

),

links as {{ read_each_time() }} (

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

-- Each round hands the lowest label that came in the round before to the neighbours. The labels are digests, so that no
-- naming of ids makes a long way of it; a contact of thousands of nodes takes as many rounds as it is wide, not its square.
walked as (

    select
        world_id,
        node,
        md5(node) as label
    from links

    union

    select
        handed.world_id,
        handed.node,
        handed.label
    from (
        select
            walked.world_id,
            links.other as node,
            walked.label,
            row_number() over (partition by walked.world_id, links.other order by walked.label) as place
        from walked
        inner join links on links.world_id = walked.world_id and links.node = walked.node
        where walked.label < md5(links.other)
    ) as handed
    where handed.place = 1

),

labelled as (

    select
        nodes.world_id,
        nodes.node,
        nodes.event_key,
        nodes.first_received_at,
        coalesce(min(walked.label), md5(nodes.node)) as label
    from nodes
    left join walked on walked.world_id = nodes.world_id and walked.node = nodes.node
    group by nodes.world_id, nodes.node, nodes.event_key, nodes.first_received_at

),

named as (

    select
        world_id,
        node,
        first_value(coalesce(event_key, node)) over (
            partition by world_id, label
            order by first_received_at nulls last, event_key nulls last, node
        ) as named_by
    from labelled

),

contacts as (

    select
        world_id,
        node,
        md5(named_by) as contact_id
    from named

)

select * from contacts
