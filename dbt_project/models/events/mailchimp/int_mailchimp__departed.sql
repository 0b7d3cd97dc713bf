-- R23: who unsubscribed has withdrawn what the audience stands for; R26: who complained, the whole channel.

with departures as (

    select * from {{ ref('int_mailchimp__departures') }}

),

audience_scopes as (

    select * from {{ ref('int_mailchimp__audience_scopes') }}

),

events as (

    select
        departures.source,
        case when departures.is_complaint then 'complaints/' else 'unsubscribes/' end || departures.departure_id as event_id,
        case when departures.is_complaint then 'spam_complaint' else 'consent_withdrawn' end as event_type,
        departures.record_id,
        departures.payload_digest,
        departures.received_at,
        departures.occurred_text,
        departures.list_id || '/' || departures.member_id as source_contact_id,
        departures.email as email_text,
        'email' as channel,
        case when not departures.is_complaint then audience_scopes.purpose end as purpose,
        case when not departures.is_complaint then audience_scopes.brand end as brand,
        case when departures.is_complaint then 'mailchimp_complaint' else 'mailchimp_unsubscribe' end as method
    from departures
    left join audience_scopes
        on audience_scopes.source = departures.source and audience_scopes.list_id = departures.list_id

)

select * from events
