-- R5: who is due, with what the permission rests on in full: marketing reads it as it stands.

with due as (

    select * from {{ ref('int_renewals__due') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

postal_addresses as (

    select * from {{ ref('int_contacts__postal_addresses') }}

),

events as {{ read_each_time() }} (

    select * from {{ ref('int_events__judged') }}

),

consent_texts as (

    select * from {{ ref('consent_texts') }}

),

incomplete as (

    select * from {{ ref('int_renewals__incomplete') }}

),

renewal_due as (

    select
        due.contact_id,
        due.address,
        due.channel,
        due.purpose,
        due.brand,
        attributes.first_name,
        attributes.last_name,
        attributes.company,
        postal_addresses.address_written,
        due.basis,
        due.evidence_id,
        due.granted_on,
        due.text_version,
        consent_texts.text as consent_text,
        case when due.basis = 'consent' then grants.form_url end as form_url,
        due.anchored_by,
        anchors.event_type as anchored_by_type,
        due.anchored_on,
        due.renewal_due_on,
        due.expires_on,
        due.days_left,
        due.source,
        due.lead_channel,
        attributes.lead_channel as first_lead_channel,
        due.decided_on,
        due.opt_out_line,
        due.stage,
        due.asked_on,
        incomplete.incomplete_consent,
        incomplete.incomplete_consent_on,
        incomplete.incomplete_consent_lacks
    from due
    inner join attributes on attributes.contact_id = due.contact_id
    inner join events as grants on grants.event_key = due.granted_by
    inner join events as anchors on anchors.event_key = due.anchored_by
    left join consent_texts on consent_texts.text_version = due.text_version
    left join postal_addresses
        on
            due.channel = 'post'
            and postal_addresses.contact_id = due.contact_id
            and postal_addresses.address = due.address
    left join incomplete
        on
            incomplete.contact_id = due.contact_id
            and incomplete.address = due.address
            and incomplete.channel = due.channel
            and incomplete.purpose = due.purpose
            and incomplete.brand = due.brand
            and incomplete.incomplete_consent_on > due.anchored_on

)

select * from renewal_due
