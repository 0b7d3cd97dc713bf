-- R35: contacts that were merged. The survivor is named as the contact, the record that is gone is referred to.

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}
    where merged_contact_ids is not null

),

history as (

    select * from {{ ref('stg_hubspot__contact_property_history') }}
    where property = 'hs_merged_object_ids'

),

merged as (

    select
        contacts.source,
        contacts.record_id,
        contacts.payload_digest,
        contacts.received_at,
        contacts.contact_id,
        btrim(gone.part) as merged_contact_id
    from contacts
    cross join {{ text_parts('contacts.merged_contact_ids', ';') }} as gone
    where btrim(gone.part) <> ''

),

-- the first entry that names the record that is gone says when
dated as (

    select
        merged.record_id,
        merged.merged_contact_id,
        history.changed_text,
        row_number() over (
            partition by merged.record_id, merged.merged_contact_id order by history.entry_number desc
        ) as place
    from merged
    inner join history
        on
            history.record_id = merged.record_id
            and {{ list_names("replace(history.value, ';', '|')", 'merged.merged_contact_id') }}

),

placed as (

    select
        merged.*,
        dated.changed_text
    from merged
    left join dated
        on
            dated.record_id = merged.record_id
            and dated.merged_contact_id = merged.merged_contact_id
            and dated.place = 1

),

told as (

    select
        *,
        {{ first_receipt(['source', 'contact_id', 'merged_contact_id']) }} as is_first
    from placed

),

events as (

    select
        source,
        'merges/' || contact_id || '/' || merged_contact_id as event_id,
        'contacts_merged' as event_type,
        record_id,
        payload_digest,
        received_at,
        changed_text as occurred_text,
        contact_id as source_contact_id,
        source as refers_to_source,
        merged_contact_id as refers_to_source_contact_id
    from told
    where is_first

)

select * from events
