{#- A contact's rows lie together as the window leaves them, by label; in the order of contacts they would be sorted again. -#}
{{ config(indexes=[{'columns': ['event_key']}, {'columns': ['received_key']}, {'columns': ['contact_id']}]) }}
-- R35, R36: whose record is it? A contact's id is that of its oldest record, and stays. A quarantined record links nobody, but
-- may be about a contact that others made known (R27).

with keyed as (

    select * from {{ ref('int_identity__keyed') }}

),

connected as {{ read_each_time() }} (

    select * from {{ ref('int_identity__connected') }}

),

labelled as (

    select
        keyed.*,
        -- a quarantined record of whom nobody knows is a contact of its own
        coalesce(own.label, by_email.label, {{ key_of(['keyed.world_id', "'event:' || keyed.event_key"]) }}) as label
    from keyed
    left join connected as own on own.node_key = keyed.node_key
    left join connected as by_email
        on
            keyed.is_quarantined
            and by_email.node_key
            = case when keyed.is_quarantined then {{ key_of(['keyed.world_id', 'keyed.email_key']) }} end

),

resolved as (

    select
        world_id,
        event_key,
        -- an older version that stands beside the newest has a key of its own (R9)
        split_part(event_key, chr(31), 1) as received_key,
        is_role_email,
        email_base,
        email_key,
        md5(
            first_value(event_key) over (partition by label order by is_quarantined, first_received_at, event_key)
        ) as contact_id
    from labelled

)

select * from resolved
