with source as (

    select * from {{ source('raw', 'records') }}
    -- what could be read of a broken record of any source is a canonical event too
    where object = 'canonical.events' or is_excerpt

),

renamed as (

    select
        source,
        payload ->> 'event_id' as event_id,
        payload ->> 'type' as event_type,
        record_id,
        digest as payload_digest,
        received_at,
        payload ->> 'occurred_at' as occurred_text,
        coalesce(nullif(payload ->> 'batch', ''), batch) as batch,
        nullif(payload ->> 'lead_channel', '') as lead_channel,
        payload -> 'contact' ->> 'source_contact_id' as source_contact_id,
        payload -> 'contact' ->> 'email' as email_text,
        payload -> 'contact' ->> 'phone' as phone_text,
        payload -> 'contact' -> 'postal' ->> 'country' as postal_country,
        payload -> 'contact' -> 'postal' ->> 'postcode' as postal_postcode,
        payload -> 'contact' -> 'postal' ->> 'house_number' as postal_house_number,
        payload -> 'contact' -> 'postal' ->> 'addition' as postal_addition,
        payload -> 'contact' -> 'postal' ->> 'street' as postal_street,
        payload -> 'contact' -> 'postal' ->> 'city' as postal_city,
        payload -> 'contact' ->> 'first_name' as first_name,
        payload -> 'contact' ->> 'last_name' as last_name,
        payload -> 'contact' ->> 'company' as company,
        payload -> 'contact' ->> 'country' as country,
        payload -> 'contact' ->> 'recipient_form' as recipient_form,
        payload -> 'contact' ->> 'birth_date' as birth_date_text,
        payload ->> 'channel' as channel,
        payload ->> 'purpose' as purpose,
        payload ->> 'brand' as brand,
        payload -> 'evidence' ->> 'method' as method,
        payload -> 'evidence' ->> 'text_version' as text_version,
        payload -> 'evidence' ->> 'form_url' as form_url,
        payload -> 'evidence' ->> 'ip' as ip,
        payload -> 'evidence' ->> 'user_agent' as user_agent,
        payload -> 'evidence' ->> 'recording_ref' as recording_ref,
        payload -> 'evidence' ->> 'document_ref' as document_ref,
        payload -> 'evidence' ->> 'parental_ref' as parental_ref,
        payload -> 'evidence' ->> 'order_id' as order_id,
        payload -> 'evidence' ->> 'product_category' as product_category,
        payload -> 'evidence' ->> 'opt_out_offered_at_collection' = 'true' as opt_out_offered_at_collection,
        payload -> 'evidence' ->> 'notice_version' as notice_version,
        payload -> 'evidence' ->> 'publication_url' as publication_url,
        payload -> 'evidence' ->> 'publication_snapshot' as publication_snapshot,
        {{ json_list_cell("payload -> 'evidence' -> 'published_purposes'") }} as published_purposes,
        payload ->> 'message_id' as message_id,
        payload ->> 'link' as link,
        {{ typed_or_null("payload ->> 'seconds_since_delivery'", 'numeric') }} as seconds_since_delivery,
        payload ->> 'machine' = 'true' as is_machine,
        payload ->> 'bounce' as bounce,
        payload -> 'refers_to' ->> 'event_id' as refers_to_event_id,
        payload -> 'refers_to' ->> 'batch' as refers_to_batch,
        payload -> 'refers_to' ->> 'source' as refers_to_source,
        payload -> 'refers_to' ->> 'source_contact_id' as refers_to_source_contact_id
    from source

)

select * from renamed
