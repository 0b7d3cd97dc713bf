{#- By its kind a daily build looks up recalls, and the gate (`optkeeper.gate.scope`) what restricts by address. -#}
{%- set looked_up -%}
    event_type in (
        'consent_revoked', 'consent_withdrawn', 'consent_refused', 'objection_raised', 'contact_deceased', 'erasure_requested'
    )
{%- endset -%}
{{ config(
    indexes=[{'columns': ['record_id']}, {'columns': ['event_key']}],
    pre_hook="{{ fetch_all_at_once() if is_daily() }}",
    post_hook=[
        "{{ index_of_some(this, ['source', 'batch'], 'batch is not null') }}",
        '{{ index_of_some(this, ["event_type"], "' ~ looked_up ~ '") }}',
        "{{ index_of_some(this, ['told_alike'], 'told_alike is not null') }}",
    ]
) }}
-- Every received version of every event. A record's reading depends on the record and on the registries in force, so a daily
-- build reads what has landed and takes the rest of what it is about from the standing build.

{% if is_daily() -%}
with landed as (

    select * from {{ ref('int_events__landed') }}

),

standing as (

    select * from {{ source('standing', 'int_events__received') }}

),

read_again as (

    select * from {{ source('daily', 'sources_read_again') }}

),

affected as {{ read_each_time() }} (

    select * from {{ ref('affected_events') }}

),

received as (

    select landed.* from landed
    inner join affected on affected.event_key = landed.event_key
    union all
    select * from standing
    where
        {{ one_of_few('event_key', 'event_key', 'affected') }}
        and source not in (select source from read_again)

)

{% else -%}
with received as (

    select * from {{ ref('int_events__landed') }}

)

{% endif -%}
select * from received
