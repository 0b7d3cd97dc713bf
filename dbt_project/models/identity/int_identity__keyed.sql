-- R34, R35: by which keys is a record's person known?

with candidate_keys as (

    select * from {{ ref('int_identity__candidate_keys') }}

),

overloaded as {{ read_each_time() }} (

    select * from {{ ref('int_identity__overloaded_keys') }}

),

keyed as (

    select
        candidate_keys.world_id,
        candidate_keys.event_key,
        candidate_keys.first_received_at,
        candidate_keys.effective_at,
        candidate_keys.event_type,
        candidate_keys.is_quarantined,
        candidate_keys.refers_to_source_contact_id,
        candidate_keys.refers_to_source,
        candidate_keys.email_base,
        candidate_keys.is_role_email,
        -- a record in quarantine binds the person whom it names, and no mailbox (R27)
        case when not candidate_keys.is_quarantined then candidate_keys.mailbox_key end as mailbox_key,
        case when by_contact.key is null then candidate_keys.contact_key end as contact_key,
        case when by_email.key is null then candidate_keys.email_key end as email_key,
        case when by_phone.key is null then candidate_keys.phone_key end as phone_key
    from candidate_keys
    left join overloaded as by_email
        on by_email.world_id = candidate_keys.world_id and by_email.key = candidate_keys.email_key
    left join overloaded as by_phone
        on by_phone.world_id = candidate_keys.world_id and by_phone.key = candidate_keys.phone_key
    left join overloaded as by_contact
        on by_contact.world_id = candidate_keys.world_id and by_contact.key = candidate_keys.contact_key

),

-- a record without any key is a contact of its own
noded as (

    select
        *,
        coalesce(contact_key, email_key, phone_key, mailbox_key, 'event:' || event_key) as node
    from keyed

),

with_node_key as (

    select
        *,
        {{ key_of(['world_id', 'node']) }} as node_key
    from noded

)

select * from with_node_key
