-- R34, R35: by which keys could a record's person be known?

with cleared as (

    select * from {{ ref('int_events__cleared') }}

),

role_addresses as (

    select distinct lower(local_part) as local_part from {{ ref('role_addresses') }}

),

shared_addresses as (

    select distinct lower(btrim(address)) as address from {{ ref('shared_addresses') }}

),

described as (

    select
        cleared.world_id,
        cleared.event_key,
        cleared.first_received_at,
        cleared.effective_at,
        cleared.event_type,
        -- an older version of a restriction for somebody else restricts, and links nobody (R9)
        cleared.quarantine_reason is not null or cleared.is_superseded as is_quarantined,
        cleared.email,
        cleared.phone,
        cleared.postal,
        cleared.refers_to_source_contact_id,
        coalesce(cleared.refers_to_source, cleared.source) as refers_to_source,
        {{ address_base('cleared.email') }} as email_base,
        split_part({{ address_base('cleared.email') }}, '@', 1) in (select local_part from role_addresses) as is_role_email,
        cleared.email in (select address from shared_addresses)
        or {{ address_base('cleared.email') }} in (select address from shared_addresses) as is_shared_email,
        cleared.phone in (select address from shared_addresses) as is_shared_phone,
        case
            when cleared.source_contact_id is not null
                then 'contact:' || cleared.source || '/' || cleared.source_contact_id
        end as contact_key,
        case when not {{ states_nothing('cleared.last_name') }} then {{ folded_text('cleared.last_name') }} end as family_name
    from cleared

),

keyed as (

    select
        *,
        case when email is not null and not is_role_email and not is_shared_email then 'email:' || email end as email_key,
        case
            when phone is not null and not is_shared_phone and coalesce(family_name, '') <> ''
                then 'phone:' || phone || '/' || family_name
        end as phone_key
    from described

)

select * from keyed
