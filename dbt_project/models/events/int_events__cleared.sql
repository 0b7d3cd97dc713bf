{#- A view: its readers take what they need of the judged events themselves. -#}
{{ config(materialized='view', post_hook=[]) }}
-- R7, R27, R30, R33: the records that may be relied on; what is in quarantine permits nothing, counts for nothing and says
-- nothing of a contact. Restrictions, recalls and the reasons for a no ask `int_events__judged`.

with judged as (

    select * from {{ ref('int_events__judged') }}

),

cleared as (

    select * from judged
    where quarantine_reason is null

)

select * from cleared
