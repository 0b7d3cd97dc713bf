with source as (

    select * from {{ source('raw', 'records') }}
    where object in ('hubspot.contacts', 'hubspot.archived_contacts') and not is_excerpt

),

entries as (

    select
        source.source,
        source.record_id,
        source.source_id as contact_id,
        history.name as property,
        entry.place as entry_number,
        entry.value ->> 'value' as value,
        entry.value ->> 'sourceType' as source_type,
        entry.value ->> 'timestamp' as timestamp_text
    from source
    cross join {{ json_members("source.payload -> 'propertiesWithHistory'") }} as history
    cross join {{ json_elements('history.value') }} as entry

),

renamed as (

    select
        source,
        record_id,
        contact_id,
        property,
        entry_number,
        source_type,
        value,
        -- HubSpot gives the newest first
        lag(value) over (
            partition by record_id, property
            order by {{ instant_or_null('timestamp_text') }} nulls first, entry_number desc
        ) as value_before,
        {{ spelled_instant('timestamp_text') }} as changed_text
    from entries

)

select * from renamed
