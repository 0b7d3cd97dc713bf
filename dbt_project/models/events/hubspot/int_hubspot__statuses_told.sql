-- What a subscription's status says, with what the contact's record said when the status was received (R12, R14, R28), told
-- by the first version in which it was seen.

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

statuses as (

    select * from {{ ref('stg_hubspot__subscription_statuses') }}

),

subscriptions as (

    select * from {{ ref('hubspot_subscriptions') }}

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

-- An address is numbered in the order of its first receipt, for an event id outlives the erasure of the address.
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
        contact_spans.record_id as contact_record_id,
        contact_spans.email as contact_email,
        coalesce(contact_spans.is_archived, false) as is_archived,
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
        {{ first_receipt([
            'source', 'contact_id', 'subscription_id', 'address_number', 'status_text', 'status', 'status_source',
            'legal_basis', 'legal_basis_explanation'
        ]) }} as is_first
    from stated

)

select * from told
where is_first
