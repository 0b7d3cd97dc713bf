-- R34, R35: by which keys could a record's person be known?

with events as (

    select * from {{ ref('int_events__judged') }}

),

-- not kept, which only one of the processors could read
role_addresses as {{ read_each_time() }} (

    select distinct lower(local_part) as local_part from {{ ref('role_addresses') }}

),

shared_addresses as {{ read_each_time() }} (

    select distinct lower(btrim(address)) as address from {{ ref('shared_addresses') }}

),

described as (

    select
        events.world_id,
        events.event_key,
        events.first_received_at,
        events.effective_at,
        events.event_type,
        -- an older version of a restriction for somebody else restricts, and links nobody (R9)
        events.quarantine_reason is not null or events.is_superseded as is_quarantined,
        events.email,
        events.phone,
        events.postal,
        events.refers_to_source_contact_id,
        coalesce(events.refers_to_source, events.source) as refers_to_source,
        {{ address_base('events.email') }} as email_base,
        split_part({{ address_base('events.email') }}, '@', 1) in (select local_part from role_addresses) as is_role_email,
        events.email in (select address from shared_addresses)
        or {{ address_base('events.email') }} in (select address from shared_addresses) as is_shared_email,
        events.phone in (select address from shared_addresses) as is_shared_phone,
        case
            when events.source_contact_id is not null
                then 'contact:' || events.source || '/' || events.source_contact_id
        end as contact_key,
        case when not {{ states_nothing('events.last_name') }} then {{ folded_text('events.last_name') }} end as family_name
    from events

),

keyed as (

    select
        world_id,
        event_key,
        first_received_at,
        effective_at,
        event_type,
        is_quarantined,
        refers_to_source_contact_id,
        refers_to_source,
        email_base,
        is_role_email,
        contact_key,
        case when email is not null and not is_role_email and not is_shared_email then 'email:' || email end as email_key,
        case
            when phone is not null and not is_shared_phone and coalesce(family_name, '') <> ''
                then 'phone:' || phone || '/' || family_name
        end as phone_key,
        -- a role or shared address is nobody's; what carries no other key belongs to the mailbox, a contact of its own
        case
            when is_role_email or is_shared_email then 'mailbox:' || email
            when is_shared_phone then 'mailbox:' || phone
        end as mailbox_key
    from described

)

select * from keyed
