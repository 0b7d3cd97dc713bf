{#- A view: it is read where it is landed. -#}
{{ config(materialized='view') }}
-- R41: what every kind of source delivered, as canonical events.

with delivered as (
    {{ union_of_events([
        'stg_canonical__events',
        'int_events__from_hubspot',
        'int_events__from_mailchimp',
        'int_events__from_vendor_files',
    ]) }}

)

select * from delivered
