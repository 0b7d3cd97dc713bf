{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['link']}, {'columns': ['contact_id']}]) }}
-- By what is each contact connected with others? A daily build asks it, to know whom a new record may touch.

with resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

received as (

    select * from {{ ref('int_events__received') }}

),

-- a contact's events tell the same of it over and over
told as (

    select distinct
        resolved.contact_id,
        received.email,
        received.phone,
        received.postal,
        received.source,
        received.source_contact_id,
        received.refers_to_source,
        received.refers_to_source_contact_id,
        case when received.email is null then received.email_text end as email_text,
        case when received.phone is null then received.phone_text end as phone_text,
        case when received.phone is null then coalesce(received.country, received.default_country) end as country,
        cast(null as text) as default_country
    from resolved
    inner join received on received.event_key = resolved.received_key

),

contact_links as (

    {{ links_of('told', 'contact_id') }}

)

select * from contact_links
