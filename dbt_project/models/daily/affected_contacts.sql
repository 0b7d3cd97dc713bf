-- Whose decisions may have changed (`is_written`), and who must be read besides to know them. Touched are the contacts of
-- touched events and whoever shares a link with one, for they may become one contact or part. Written are these, whoever
-- carries an address of theirs, and whoever has a boundary between the two moments. Read is whoever carries an address of
-- those that are written.

with touched_events as (

    select * from {{ ref('touched_events') }}

),

touched_links as (

    select * from {{ ref('touched_links') }}

),

resolved as (

    select * from {{ source('standing', 'int_identity__resolved') }}

),

contact_links as (

    select * from {{ source('standing', 'int_identity__contact_links') }}

),

moments as (

    select
        standing_build.as_of as decided_before,
        this_build.as_of
    from {{ source('standing', 'standing_build') }} as standing_build
    cross join {{ source('build', 'this_build') }} as this_build

),

intervals as (

    select * from {{ source('standing', 'int_timeline__intervals') }}

),

restrictions as (

    select * from {{ source('standing', 'int_restrictions__standing') }}

),

counted as (

    select * from {{ source('standing', 'int_activity__counted') }}

),

touched as (

    select resolved.contact_id from resolved
    inner join touched_events on touched_events.event_key = resolved.received_key
    union
    select contact_links.contact_id from contact_links
    inner join touched_links on touched_links.link = contact_links.link

),

links_of_the_touched as (

    select contact_links.link from contact_links
    inner join touched on touched.contact_id = contact_links.contact_id
    union
    select link from touched_links

),

-- the clock alone changes what is decided where it passes a boundary
come_of_time as (

    {% for relation, moments in [
        ('intervals', ['valid_from', 'valid_to']), ('restrictions', ['at', 'until']), ('counted', ['occurred_at'])
    ] -%}
    {%- set outer_loop = loop -%}
    {%- for moment in moments %}
    select {{ relation }}.contact_id from {{ relation }}
    inner join moments
        on {{ relation }}.{{ moment }} > moments.decided_before and {{ relation }}.{{ moment }} <= moments.as_of
    {{ "union" if not (loop.last and outer_loop.last) }}
    {%- endfor %}
    {%- endfor %}

),

written as (

    select contact_id from touched
    union
    select contact_links.contact_id from contact_links
    inner join links_of_the_touched on links_of_the_touched.link = contact_links.link
    union
    select contact_id from come_of_time

),

links_of_the_written as (

    select contact_links.link from contact_links
    inner join written on written.contact_id = contact_links.contact_id
    union
    select link from touched_links

),

read as (

    select contact_links.contact_id from contact_links
    inner join links_of_the_written on links_of_the_written.link = contact_links.link
    union
    select contact_id from written

),

affected_contacts as (

    select
        read.contact_id,
        written.contact_id is not null as is_written
    from read
    left join written on written.contact_id = read.contact_id

)

select * from affected_contacts
