-- Mailchimp's members, their activity and who left as canonical events: one model a fact, under each other. What Mailchimp
-- repeats in every version of a member is one event, told by the first version in which it was seen, so that an identical
-- redelivery keeps its first receipt (R9); what the activity feed and a campaign's report both tell is one event as well.

with events as (
    {{ union_of_events([
        'int_mailchimp__contacts_upserted',
        'int_mailchimp__consents_given',
        'int_mailchimp__consents_confirmed',
        'int_mailchimp__consents_requested',
        'int_mailchimp__departed',
        'int_mailchimp__permissions_withdrawn',
        'int_mailchimp__archived',
        'int_mailchimp__sms_unsubscribed',
        'int_mailchimp__cleaned',
        'int_mailchimp__activities',
    ]) }}

)

select * from events
