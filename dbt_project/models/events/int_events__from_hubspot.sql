-- HubSpot's contacts and subscriptions as canonical events: one model a fact, under each other.

with events as (
    {{ union_of_events([
        'int_hubspot__contacts_upserted',
        'int_hubspot__opt_outs',
        'int_hubspot__consent_labels',
        'int_hubspot__hard_bounces',
        'int_hubspot__activities',
        'int_hubspot__merges',
        'int_hubspot__subscribed',
        'int_hubspot__unsubscribed',
        'int_hubspot__privacy_deletions',
    ]) }}

)

select * from events
