-- By what the touched events are connected with others, before and now.

with links as (

    {{ links_of(ref('touched_events_received')) }}

),

touched_links as (

    select distinct link from links

)

select * from touched_links
