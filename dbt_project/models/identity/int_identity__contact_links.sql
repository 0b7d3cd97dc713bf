{{ config(indexes=[{'columns': ['link']}, {'columns': ['contact_id']}]) }}
-- By what is each contact connected with others? A daily build asks it, to know whom a new record may touch.

with resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

links as (

    select * from {{ ref('int_events__links') }}

),

contact_links as (

    select distinct
        resolved.contact_id,
        links.link
    from resolved
    inner join links on links.event_key = resolved.received_key

)

select * from contact_links
