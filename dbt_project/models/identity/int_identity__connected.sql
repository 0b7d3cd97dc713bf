-- R35: which nodes are connected? All of one person go by one label. Labels are in the order of digests, so that no naming of
-- ids makes a long way of the walk.

with recursive keyed as (

    select * from {{ ref('int_identity__keyed') }}
    where not is_quarantined

),

links as (

    select * from {{ ref('int_identity__links') }}

),

neighbours as {{ read_each_time() }} (

    select * from {{ ref('int_identity__neighbours') }}

),

-- of the few who are not whole yet, what stands beside what
bridges as {{ computed_once() }} (

    select distinct
        own.label,
        others.label as other
    from links
    inner join neighbours as own on own.node_key = links.node_key
    inner join neighbours as others on others.node_key = links.other_key
    where own.label <> others.label

),

-- Each round hands the lowest label that came in the round before to the neighbours: a contact of thousands of nodes takes
-- as many rounds as it is wide, not its square.
walked as (

    select
        label as start,
        label
    from bridges

    union

    select
        handed.start,
        handed.label
    from (
        select
            bridges.other as start,
            walked.label,
            row_number() over (partition by bridges.other order by walked.label) as place
        from walked
        inner join bridges on bridges.label = walked.start
        where walked.label < bridges.other
    ) as handed
    where handed.place = 1

),

labels as (

    select
        start,
        {{ least_key('label') }} as label
    from walked
    group by start

),

linked as (

    select
        neighbours.node_key,
        coalesce(labels.label, neighbours.label) as label
    from neighbours
    left join labels on labels.start = neighbours.label

),

-- what nothing links is whole by itself
alone as (

    select distinct
        keyed.node_key,
        keyed.node_key as label
    from keyed
    left join neighbours on neighbours.node_key = keyed.node_key
    where neighbours.node_key is null

),

connected as (

    select * from linked
    union all
    select * from alone

)

select * from connected
