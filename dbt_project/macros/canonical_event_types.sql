{# The columns of a canonical event, in order, with their types (docs/contract.md: events).
   received_at, record_id and payload_digest say where the event stands in raw. #}
{% macro canonical_event_types() %}
    {{ return([
        ('source', 'text'), ('event_id', 'text'), ('event_type', 'text'),
        ('record_id', 'bigint'), ('payload_digest', 'bytea'), ('received_at', 'timestamptz'),
        ('occurred_text', 'text'), ('batch', 'text'), ('lead_channel', 'text'),
        ('source_contact_id', 'text'), ('email_text', 'text'), ('phone_text', 'text'),
        ('postal_country', 'text'), ('postal_postcode', 'text'), ('postal_house_number', 'text'), ('postal_addition', 'text'),
        ('postal_street', 'text'), ('postal_city', 'text'),
        ('first_name', 'text'), ('last_name', 'text'), ('company', 'text'),
        ('country', 'text'), ('default_country', 'text'), ('recipient_form', 'text'), ('birth_date_text', 'text'),
        ('channel', 'text'), ('purpose', 'text'), ('brand', 'text'),
        ('method', 'text'), ('text_version', 'text'), ('form_url', 'text'), ('ip', 'text'), ('user_agent', 'text'),
        ('recording_ref', 'text'), ('document_ref', 'text'), ('parental_ref', 'text'), ('shows_way_in', 'boolean'),
        ('order_id', 'text'), ('product_category', 'text'), ('opt_out_offered_at_collection', 'boolean'),
        ('notice_version', 'text'), ('publication_url', 'text'), ('publication_snapshot', 'text'), ('published_purposes', 'text'),
        ('message_id', 'text'), ('link', 'text'), ('seconds_since_delivery', 'numeric'), ('is_machine', 'boolean'), ('bounce', 'text'),
        ('refers_to_event_id', 'text'), ('refers_to_batch', 'text'),
        ('refers_to_source', 'text'), ('refers_to_source_contact_id', 'text')
    ]) }}
{% endmacro %}

{# Those of them that a received event keeps: what it states of its moment has been read, and stands in stated_at. #}
{% macro received_event_types() %}
    {{ return(canonical_event_types() | rejectattr(0, 'equalto', 'occurred_text') | list) }}
{% endmacro %}
