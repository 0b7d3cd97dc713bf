-- HubSpot's contacts and subscriptions as canonical events. A contact's version is an event of its own; what HubSpot
-- repeats in every version of a contact (an opt-out, a reply, a merge) is one event, told by the first version in
-- which it was seen, so that an identical redelivery keeps its first receipt (R9).

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

archived as (

    select * from {{ ref('stg_hubspot__archived_contacts') }}

),

statuses as (

    select * from {{ ref('stg_hubspot__subscription_statuses') }}

),

subscriptions as (

    select * from {{ ref('hubspot_subscriptions') }}

),

-- What restricts or says who is who counts from the recycle bin too; what permits does not.
live_and_archived as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        phone,
        mobile_phone,
        first_name,
        last_name,
        company,
        country,
        has_opted_out_of_email,
        hard_bounce_reason,
        merged_contact_ids,
        opt_out_history,
        hard_bounce_history,
        merge_history
    from contacts

    union all

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        phone,
        mobile_phone,
        first_name,
        last_name,
        company,
        country,
        has_opted_out_of_email,
        hard_bounce_reason,
        merged_contact_ids,
        opt_out_history,
        hard_bounce_history,
        merge_history
    from archived

),

-- R12: each address that a version carries is a record of its own.
carried as (

    select
        contacts.*,
        '' as suffix,
        email as carried_email,
        coalesce(phone, mobile_phone) as carried_phone
    from contacts

    union all

    select
        contacts.*,
        '/email/' || additional.place as suffix,
        additional.email as carried_email,
        coalesce(contacts.phone, contacts.mobile_phone) as carried_phone
    from contacts
    cross join lateral string_to_table(contacts.additional_emails, ';') with ordinality as additional (email, place)
    where btrim(additional.email) <> ''

    union all

    select
        contacts.*,
        '/mobile' as suffix,
        email as carried_email,
        mobile_phone as carried_phone
    from contacts
    where mobile_phone <> phone

),

-- The same moment of change with other content is a correction; the same content again is not (R9).
contact_versions as (

    select
        *,
        row_number() over (
            partition by
                source, contact_id, modified_text, suffix, carried_email, carried_phone, first_name, last_name, company,
                country, postcode, house_number, house_number_addition, birth_date
            order by received_at, record_id
        ) as telling
    from carried

),

contacts_upserted as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'contacts/' || contact_id || '/' || modified_text || suffix",
            'event_type': "'contact_upserted'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "modified_text",
            'source_contact_id': "contact_id",
            'email_text': "carried_email",
            'phone_text': "carried_phone",
            'postal_country': "case when house_number is not null then country end",
            'postal_postcode': "case when house_number is not null then postcode end",
            'postal_house_number': "case when postcode is not null then house_number end",
            'postal_addition': "case when postcode is not null then house_number_addition end",
            'first_name': "first_name",
            'last_name': "last_name",
            'company': "company",
            'country': "country",
            'birth_date_text': "birth_date"
        }) }}
    from contact_versions
    where telling = 1

),

opt_out_changes as (

    select
        live_and_archived.*,
        change.entry ->> 'value' as value,
        {{ spelled_instant("change.entry ->> 'timestamp'") }} as changed_text,
        lag(change.entry ->> 'value') over (
            partition by live_and_archived.record_id
            order by {{ instant_or_null("change.entry ->> 'timestamp'") }} nulls first, change.place desc
        ) as value_before
    from live_and_archived
    cross join lateral jsonb_array_elements(opt_out_history) with ordinality as change (entry, place)

),

-- Each turn of the flag to true; a flag without such a turn in its history is undated. A flag that vanished is nothing
-- (R13).
opted_out as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        changed_text
    from opt_out_changes
    where value = 'true' and value_before is distinct from 'true'

    union all

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        null as changed_text
    from live_and_archived
    where
        has_opted_out_of_email
        and not exists (
            select 1 from jsonb_array_elements(opt_out_history) as change (entry)
            where change.entry ->> 'value' = 'true'
        )

),

opt_outs as (

    select
        *,
        row_number() over (partition by source, contact_id, changed_text order by received_at, record_id) as telling
    from opted_out

),

opt_outs_withdrawn as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'opt_outs/' || contact_id || '/' || coalesce(changed_text, 'undated')",
            'event_type': "'consent_withdrawn'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "changed_text",
            'source_contact_id': "contact_id",
            'email_text': "email",
            'channel': "'email'",
            'method': "'hubspot_opt_out'"
        }) }}
    from opt_outs
    where telling = 1

),

legal_basis_changes as (

    select
        contacts.*,
        -- HubSpot's label is "Freely given consent from contact"; the property holds several, separated by semicolons
        lower(change.entry ->> 'value') like '%freely given consent%' as says_consent,
        {{ spelled_instant("change.entry ->> 'timestamp'") }} as changed_text,
        lag(lower(change.entry ->> 'value') like '%freely given consent%') over (
            partition by contacts.record_id
            order by {{ instant_or_null("change.entry ->> 'timestamp'") }} nulls first, change.place desc
        ) as said_consent_before
    from contacts
    cross join lateral jsonb_array_elements(legal_basis_history) with ordinality as change (entry, place)

),

labelled as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        coalesce(phone, mobile_phone) as phone,
        first_name,
        last_name,
        company,
        country,
        birth_date,
        changed_text
    from legal_basis_changes
    where says_consent and said_consent_before is distinct from true

    union all

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        coalesce(phone, mobile_phone) as phone,
        first_name,
        last_name,
        company,
        country,
        birth_date,
        null as changed_text
    from contacts
    where
        lower(legal_basis_labels) like '%freely given consent%'
        and not exists (
            select 1 from jsonb_array_elements(legal_basis_history) as change (entry)
            where lower(change.entry ->> 'value') like '%freely given consent%'
        )

),

labels as (

    select
        *,
        row_number() over (partition by source, contact_id, changed_text order by received_at, record_id) as telling
    from labelled

),

-- A label names neither text nor purpose: a consent whose evidence is incomplete (R11).
labels_given as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'legal_bases/' || contact_id || '/' || coalesce(changed_text, 'undated')",
            'event_type': "'consent_given'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "changed_text",
            'source_contact_id': "contact_id",
            'email_text': "email",
            'phone_text': "phone",
            'first_name': "first_name",
            'last_name': "last_name",
            'company': "company",
            'country': "country",
            'birth_date_text': "birth_date",
            'channel': "'email'",
            'method': "'hubspot_legal_basis'"
        }) }}
    from labels
    where telling = 1

),

bounce_changes as (

    select
        live_and_archived.*,
        nullif(change.entry ->> 'value', '') as value,
        {{ spelled_instant("change.entry ->> 'timestamp'") }} as changed_text,
        lag(nullif(change.entry ->> 'value', '')) over (
            partition by live_and_archived.record_id
            order by {{ instant_or_null("change.entry ->> 'timestamp'") }} nulls first, change.place desc
        ) as value_before
    from live_and_archived
    cross join lateral jsonb_array_elements(hard_bounce_history) with ordinality as change (entry, place)

),

bounced as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        changed_text
    from bounce_changes
    where value is not null and value is distinct from value_before

    union all

    select
        source,
        record_id,
        payload_digest,
        received_at,
        contact_id,
        email,
        null as changed_text
    from live_and_archived
    where
        hard_bounce_reason is not null
        and not exists (
            select 1 from jsonb_array_elements(hard_bounce_history) as change (entry)
            where change.entry ->> 'value' <> ''
        )

),

bounces as (

    select
        *,
        row_number() over (partition by source, contact_id, changed_text order by received_at, record_id) as telling
    from bounced

),

emails_bounced as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'bounces/' || contact_id || '/' || coalesce(changed_text, 'undated')",
            'event_type': "'email_bounced'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "changed_text",
            'source_contact_id': "contact_id",
            'email_text': "email",
            'channel': "'email'",
            'bounce': "'hard'"
        }) }}
    from bounces
    where telling = 1

),

-- The last click is left out: it may be a machine's (R21).
active as (

    select
        'replies' as kind,
        'reply_received' as event_type,
        last_replied_text as occurred_text,
        contacts.*
    from contacts
    where last_replied_text is not null

    union all

    select
        'forms' as kind,
        'form_submitted' as event_type,
        last_conversion_text as occurred_text,
        contacts.*
    from contacts
    where last_conversion_text is not null

),

activities as (

    select
        *,
        row_number() over (
            partition by source, kind, contact_id, occurred_text order by received_at, record_id
        ) as telling
    from active

),

activities_counted as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "kind || '/' || contact_id || '/' || occurred_text",
            'event_type': "event_type",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "occurred_text",
            'source_contact_id': "contact_id",
            'email_text': "email"
        }) }}
    from activities
    where telling = 1

),

merged as (

    select
        live_and_archived.source,
        live_and_archived.record_id,
        live_and_archived.payload_digest,
        live_and_archived.received_at,
        live_and_archived.contact_id,
        btrim(gone.contact_id) as merged_contact_id,
        (
            select {{ spelled_instant("change.entry ->> 'timestamp'") }}
            from jsonb_array_elements(live_and_archived.merge_history) with ordinality as change (entry, place)
            where ';' || (change.entry ->> 'value') || ';' like '%;' || btrim(gone.contact_id) || ';%'
            order by change.place desc
            limit 1
        ) as merged_text
    from live_and_archived
    cross join lateral string_to_table(live_and_archived.merged_contact_ids, ';') as gone (contact_id)
    where btrim(gone.contact_id) <> ''

),

merges as (

    select
        *,
        row_number() over (
            partition by source, contact_id, merged_contact_id order by received_at, record_id
        ) as telling
    from merged

),

-- R35: the survivor is named as the contact, the record that is gone is referred to.
contacts_merged as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'merges/' || contact_id || '/' || merged_contact_id",
            'event_type': "'contacts_merged'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "merged_text",
            'source_contact_id': "contact_id",
            'refers_to_source': "source",
            'refers_to_source_contact_id': "merged_contact_id"
        }) }}
    from merges
    where telling = 1

),

contact_spans as (

    select
        *,
        lead(record_id) over (partition by source, contact_id order by record_id) as next_record_id
    from contacts

),

numbered as (

    select
        *,
        min(record_id) over (partition by source, contact_id, subscription_id, lower(email)) as first_record_id
    from statuses

),

-- What a status says, with what the contact's record said when the status was received (R12, R14, R28). An address is
-- numbered in the order of its first receipt, for an event id outlives the erasure of the address.
stated as (

    select
        numbered.*,
        dense_rank() over (
            partition by numbered.source, numbered.contact_id, numbered.subscription_id
            order by numbered.first_record_id
        ) as address_number,
        coalesce(subscriptions.channel, numbered.channel) as scope_channel,
        subscriptions.purpose as mapped_purpose,
        subscriptions.brand as mapped_brand,
        contact_spans.first_name,
        contact_spans.last_name,
        contact_spans.company,
        contact_spans.country,
        contact_spans.birth_date
    from numbered
    left join subscriptions
        on subscriptions.source = numbered.source and subscriptions.subscription_id = numbered.subscription_id
    left join contact_spans
        on
            contact_spans.source = numbered.source
            and contact_spans.contact_id = numbered.contact_id
            and contact_spans.record_id < numbered.record_id
            and (contact_spans.next_record_id is null or contact_spans.next_record_id > numbered.record_id)

),

told as (

    select
        *,
        'subscriptions/' || contact_id || '/' || subscription_id || '/' || address_number || '/'
        || coalesce(status_text, 'undated') as event_id,
        row_number() over (
            partition by
                source, contact_id, subscription_id, address_number, status_text, status, legal_basis,
                legal_basis_explanation
            order by received_at, record_id
        ) as telling
    from stated

),

-- A subscription is a consent only where HubSpot holds consent as its legal basis. One that is not in the seed is given
-- a purpose that no text covers: it is seen in the audit and permits nothing.
subscribed as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "event_id",
            'event_type': "'consent_given'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "status_text",
            'source_contact_id': "contact_id",
            'email_text': "email",
            'first_name': "first_name",
            'last_name': "last_name",
            'company': "company",
            'country': "country",
            'birth_date_text': "birth_date",
            'channel': "scope_channel",
            'purpose': "coalesce(mapped_purpose, 'hubspot_subscription_' || subscription_id)",
            'brand': "mapped_brand",
            'method': "'hubspot_subscription'",
            'text_version': "legal_basis_explanation"
        }) }}
    from told
    where telling = 1 and status = 'SUBSCRIBED' and legal_basis = 'CONSENT_WITH_NOTICE'

),

-- One that is not in the seed ends every purpose of its channel.
unsubscribed as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "event_id",
            'event_type': "'consent_withdrawn'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "status_text",
            'source_contact_id': "contact_id",
            'email_text': "email",
            'channel': "scope_channel",
            'purpose': "mapped_purpose",
            'brand': "mapped_brand",
            'method': "'hubspot_subscription'"
        }) }}
    from told
    where telling = 1 and status = 'UNSUBSCRIBED'

),

events as (

    select * from contacts_upserted
    union all
    select * from opt_outs_withdrawn
    union all
    select * from labels_given
    union all
    select * from emails_bounced
    union all
    select * from activities_counted
    union all
    select * from contacts_merged
    union all
    select * from subscribed
    union all
    select * from unsubscribed

)

select * from events
