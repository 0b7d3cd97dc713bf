-- R5: due on each day from renewal_due_on through expires_on, for who may be written to on that day.

with marketable_contacts as (

    select * from {{ ref('marketable_contacts') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

renewal_due as (

    select
        marketable_contacts.contact_id,
        marketable_contacts.address,
        marketable_contacts.channel,
        marketable_contacts.purpose,
        marketable_contacts.brand,
        attributes.first_name,
        attributes.last_name,
        attributes.company,
        marketable_contacts.basis,
        marketable_contacts.evidence_id,
        marketable_contacts.granted_on,
        marketable_contacts.text_version,
        marketable_contacts.anchored_by,
        marketable_contacts.anchored_on,
        marketable_contacts.renewal_due_on,
        marketable_contacts.expires_on,
        marketable_contacts.expires_on - marketable_contacts.decided_on as days_left,
        marketable_contacts.source,
        marketable_contacts.lead_channel,
        attributes.lead_channel as first_lead_channel,
        marketable_contacts.decided_on,
        marketable_contacts.opt_out_line
    from marketable_contacts
    inner join attributes on attributes.contact_id = marketable_contacts.contact_id
    where
        marketable_contacts.decided_on >= marketable_contacts.renewal_due_on
        and marketable_contacts.decided_on <= marketable_contacts.expires_on

)

select * from renewal_due
