{#- A view: each of its readers reads it once. -#}
{{ config(materialized='view', post_hook=[]) }}
-- R34, R35: by what is a record connected with others?

with links as (

    {{ links_of(ref('int_events__received')) }}

)

select * from links
