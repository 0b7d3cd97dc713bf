-- depends_on: {{ ref('int_timeline__states') }}: nothing of it is read, but what that waits for goes first
{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['link']}, {'columns': ['contact_id']}]) }}
-- By what is each contact connected with others? A daily build asks it, to know whom a new record may touch.

with resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

judged as (

    select * from {{ ref('int_events__judged') }}

),

told_again as (

    select * from {{ ref('int_events__told_again') }}

),

received as (

    select * from {{ ref('int_events__received') }}

),

-- of most events there is one version, which stands; of few there are older ones
versions as (

    {% for relation in ['judged', 'received'] %}
    select
        {{ relation }}.event_key,
        {{ relation }}.email,
        {{ relation }}.phone,
        {{ relation }}.postal,
        {{ relation }}.source,
        {{ relation }}.source_contact_id,
        {{ relation }}.refers_to_source,
        {{ relation }}.refers_to_source_contact_id,
        {{ relation }}.email_text,
        {{ relation }}.phone_text,
        {{ relation }}.country,
        {{ relation }}.default_country
    from {{ relation }}
    {{ "union all" if not loop.last }}
    {% endfor -%}
    inner join told_again on told_again.event_key = received.event_key

),

-- a contact's events tell the same of it over and over
told as (

    select distinct
        resolved.contact_id,
        versions.email,
        versions.phone,
        versions.postal,
        versions.source,
        versions.source_contact_id,
        versions.refers_to_source,
        versions.refers_to_source_contact_id,
        case when versions.email is null then versions.email_text end as email_text,
        case when versions.phone is null then versions.phone_text end as phone_text,
        case when versions.phone is null then coalesce(versions.country, versions.default_country) end as country,
        cast(null as text) as default_country
    from resolved
    inner join versions on versions.event_key = resolved.received_key

),

contact_links as (

    {{ links_of('told', 'contact_id') }}

)

select * from contact_links
