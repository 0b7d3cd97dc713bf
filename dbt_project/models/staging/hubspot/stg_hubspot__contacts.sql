with source as (

    select * from {{ source('raw', 'records') }}
    where object in ('hubspot.contacts', 'hubspot.archived_contacts') and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        source_id as contact_id,

        -- who
        nullif(payload #>> '{properties,email}', '') as email,
        nullif(payload #>> '{properties,hs_additional_emails}', '') as additional_emails,
        nullif(payload #>> '{properties,phone}', '') as phone,
        nullif(payload #>> '{properties,mobilephone}', '') as mobile_phone,
        nullif(payload #>> '{properties,firstname}', '') as first_name,
        nullif(payload #>> '{properties,lastname}', '') as last_name,
        nullif(payload #>> '{properties,company}', '') as company,
        case
            when btrim(payload #>> '{properties,hs_country_region_code}') ~ '^[A-Za-z]{2}$'
                then upper(btrim(payload #>> '{properties,hs_country_region_code}'))
            else payload #>> '{properties,country}'
        end as country,
        nullif(payload #>> '{properties,zip}', '') as postcode,
        -- a street, a number and perhaps an addition; what is written otherwise has no house number
        substring(
            payload #>> '{properties,address}' from '^\D+\s(\d{1,5})(?:\s?-?\s?[A-Za-z]{1,3}|\s?-\s?\d{1,4})?\s*$'
        ) as house_number,
        coalesce(
            substring(payload #>> '{properties,address}' from '^\D+\s\d{1,5}\s?-?\s?([A-Za-z]{1,3})\s*$'),
            substring(payload #>> '{properties,address}' from '^\D+\s\d{1,5}\s?-\s?(\d{1,4})\s*$')
        ) as house_number_addition,
        substring(
            payload #>> '{properties,address}' from '^(\D+)\s\d{1,5}(?:\s?-?\s?[A-Za-z]{1,3}|\s?-\s?\d{1,4})?\s*$'
        ) as street,
        nullif(payload #>> '{properties,city}', '') as city,
        nullif(payload #>> '{properties,date_of_birth}', '') as birth_date,

        -- what it is
        nullif(payload #>> '{properties,hs_merged_object_ids}', '') as merged_contact_ids,
        payload -> 'properties' as properties,
        object = 'hubspot.archived_contacts' as is_archived,

        -- moments, as text
        coalesce(
            {{ spelled_instant("payload #>> '{properties,lastmodifieddate}'") }},
            {{ spelled_instant("payload ->> 'updatedAt'") }}
        ) as modified_text,
        {{ spelled_instant("payload #>> '{properties,hs_sales_email_last_replied}'") }} as last_replied_text,
        {{ spelled_instant("payload #>> '{properties,recent_conversion_date}'") }} as last_conversion_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
