with source as (

    select * from {{ source('raw', 'records') }}
    -- what could be read of a broken record of any source is a canonical event too
    where object = 'canonical.events' or is_excerpt

),

renamed as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "payload ->> 'event_id'",
            'event_type': "payload ->> 'type'",
            'record_id': "record_id",
            'payload_digest': "encode(digest, 'hex')",
            'received_at': "received_at",
            'occurred_text': "payload ->> 'occurred_at'",
            'batch': "coalesce(nullif(payload ->> 'batch', ''), batch)",
            'lead_channel': "nullif(payload ->> 'lead_channel', '')",
            'source_contact_id': "payload #>> '{contact,source_contact_id}'",
            'email_text': "payload #>> '{contact,email}'",
            'phone_text': "payload #>> '{contact,phone}'",
            'postal_country': "payload #>> '{contact,postal,country}'",
            'postal_postcode': "payload #>> '{contact,postal,postcode}'",
            'postal_house_number': "payload #>> '{contact,postal,house_number}'",
            'postal_addition': "payload #>> '{contact,postal,addition}'",
            'first_name': "payload #>> '{contact,first_name}'",
            'last_name': "payload #>> '{contact,last_name}'",
            'company': "payload #>> '{contact,company}'",
            'country': "payload #>> '{contact,country}'",
            'recipient_form': "payload #>> '{contact,recipient_form}'",
            'birth_date_text': "payload #>> '{contact,birth_date}'",
            'channel': "payload ->> 'channel'",
            'purpose': "payload ->> 'purpose'",
            'brand': "payload ->> 'brand'",
            'method': "payload #>> '{evidence,method}'",
            'text_version': "payload #>> '{evidence,text_version}'",
            'form_url': "payload #>> '{evidence,form_url}'",
            'ip': "payload #>> '{evidence,ip}'",
            'user_agent': "payload #>> '{evidence,user_agent}'",
            'recording_ref': "payload #>> '{evidence,recording_ref}'",
            'document_ref': "payload #>> '{evidence,document_ref}'",
            'parental_ref': "payload #>> '{evidence,parental_ref}'",
            'order_id': "payload #>> '{evidence,order_id}'",
            'product_category': "payload #>> '{evidence,product_category}'",
            'opt_out_offered_at_collection': "payload #>> '{evidence,opt_out_offered_at_collection}' = 'true'",
            'notice_version': "payload #>> '{evidence,notice_version}'",
            'publication_url': "payload #>> '{evidence,publication_url}'",
            'publication_snapshot': "payload #>> '{evidence,publication_snapshot}'",
            'published_purposes': "payload #>> '{evidence,published_purposes}'",
            'message_id': "payload ->> 'message_id'",
            'link': "payload ->> 'link'",
            'seconds_since_delivery': typed_or_null("payload ->> 'seconds_since_delivery'", 'numeric'),
            'is_machine': "payload ->> 'machine' = 'true'",
            'bounce': "payload ->> 'bounce'",
            'refers_to_event_id': "payload #>> '{refers_to,event_id}'",
            'refers_to_batch': "payload #>> '{refers_to,batch}'",
            'refers_to_source': "payload #>> '{refers_to,source}'",
            'refers_to_source_contact_id': "payload #>> '{refers_to,source_contact_id}'"
        }) }}
    from source

)

select * from renamed
