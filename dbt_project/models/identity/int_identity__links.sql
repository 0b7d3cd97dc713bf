-- R35: which nodes are one person? Both directions, so that a walk may start anywhere. Nodes go by their keys from here on:
-- a name is as long as its source likes, and a walk meets it many times.

with keyed as {{ read_each_time() }} (

    select * from {{ ref('int_identity__keyed') }}
    where not is_quarantined

),

stated as (

    select
        world_id,
        event_key,
        event_type,
        effective_at,
        least(node, 'contact:' || refers_to_source || '/' || refers_to_source_contact_id) as node,
        greatest(node, 'contact:' || refers_to_source || '/' || refers_to_source_contact_id) as other
    from keyed
    where event_type in ('contacts_merged', 'contacts_unmerged') and refers_to_source_contact_id is not null

),

-- of a pair's merges and un-merges the latest stands; at the same instant the merge, which restricts
latest as (

    select
        *,
        row_number() over (
            partition by world_id, node, other
            order by effective_at desc, case event_type when 'contacts_merged' then 0 else 1 end, event_key desc
        ) as place
    from stated

),

named as (

    select
        node_key,
        {{ key_of(['world_id', 'email_key']) }} as other_key
    from keyed
    where email_key <> node
    union all
    select
        node_key,
        {{ key_of(['world_id', 'phone_key']) }} as other_key
    from keyed
    where phone_key <> node
    union all
    select
        {{ key_of(['world_id', 'node']) }} as node_key,
        {{ key_of(['world_id', 'other']) }} as other_key
    from latest
    where place = 1 and event_type = 'contacts_merged' and node <> other

),

-- a person's records name the same over and over. What names the other is in the order of their kinds the same of every
-- pair: none comes in both directions.
pairs as (

    select distinct
        node_key,
        other_key
    from named

),

links as (

    select
        node_key,
        other_key
    from pairs
    union all
    select
        other_key as node_key,
        node_key as other_key
    from pairs

)

select * from links
