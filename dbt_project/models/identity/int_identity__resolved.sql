{{ config(
    cluster_by=['contact_id'],
    indexes=[{'columns': ['event_key']}, {'columns': ['received_key']}, {'columns': ['contact_id']}]
) }}
-- Whose record is it? A quarantined record links nobody, but may be about a contact that others made known (R27).

with keyed as (

    select * from {{ ref('int_identity__keyed') }}

),

contacts as {{ read_each_time() }} (

    select * from {{ ref('int_identity__contacts') }}

),

resolved as (

    select
        keyed.world_id,
        keyed.event_key,
        -- an older version that stands beside the newest has a key of its own (R9)
        split_part(keyed.event_key, chr(31), 1) as received_key,
        keyed.is_role_email,
        keyed.email_base,
        keyed.email_key,
        coalesce(own.contact_id, by_email.contact_id, md5(keyed.event_key)) as contact_id
    from keyed
    left join contacts as own on own.world_id = keyed.world_id and own.node = keyed.node
    left join contacts as by_email
        on keyed.is_quarantined and by_email.world_id = keyed.world_id and by_email.node = keyed.email_key

)

select * from resolved
