-- R35: which nodes are one person? Both directions, so that a walk may start anywhere.

with keyed as {{ read_each_time() }} (

    select * from {{ ref('int_identity__keyed') }}
    where not is_quarantined

),

shared_keys as (

    select distinct world_id, node, email_key as other from keyed
    where email_key is not null
    union
    select distinct world_id, node, phone_key as other from keyed
    where phone_key is not null

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

pairs as (

    select world_id, node, other from shared_keys
    union
    select world_id, node, other from latest
    where place = 1 and event_type = 'contacts_merged'

),

links as (

    select world_id, node, other from pairs
    where node <> other
    union
    select world_id, other as node, node as other from pairs
    where node <> other

)

select * from links
