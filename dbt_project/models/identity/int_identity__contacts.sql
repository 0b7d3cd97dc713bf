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

-- by the order of their digests, so that no naming of ids makes a long way of the walk
numbered as {{ computed_once() }} (

    select
        *,
        row_number() over (order by md5(node), world_id) as number
    from nodes

),

connected as {{ computed_once() }} (

    select
        own.number,
        others.number as other
    from links
    inner join numbered as own on own.world_id = links.world_id and own.node = links.node
    inner join numbered as others on others.world_id = links.world_id and others.node = links.other

),

-- Each round hands the lowest label that came in the round before to the neighbours: a contact of thousands of nodes takes
-- as many rounds as it is wide, not its square.
walked as (

    select
        number,
        number as label
    from connected

    union

    select
        handed.number,
        handed.label
    from (
        select
            connected.other as number,
            walked.label,
            row_number() over (partition by connected.other order by walked.label) as place
        from walked
        inner join connected on connected.number = walked.number
        where walked.label < connected.other
    ) as handed
    where handed.place = 1

),

labels as (

    select
        number,
        min(label) as label
    from walked
    group by number

),

named as (

    select
        numbered.world_id,
        numbered.node,
        first_value(coalesce(numbered.event_key, numbered.node)) over (
            partition by coalesce(labels.label, numbered.number)
            order by numbered.first_received_at nulls last, numbered.event_key nulls last, numbered.node
        ) as named_by
    from numbered
    left join labels on labels.number = numbered.number

),

contacts as (

    select
        world_id,
        node,
        md5(named_by) as contact_id
    from named

)

select * from contacts
