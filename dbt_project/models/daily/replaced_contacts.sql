-- Whose rows are made anew: the touched, whoever carries an address of theirs, since what ends or restores its use reaches
-- the other, and whoever has a boundary between the two moments or falls asleep, for whom the clock alone changes what is said.

with touched_contacts as (

    select * from {{ ref('touched_contacts') }}

),

touched_links as (

    select * from {{ ref('touched_links') }}

),

contact_links as {{ read_each_time() }} (

    select * from {{ source('standing', 'int_identity__contact_links') }}

),

links as (

    select link from contact_links
    where {{ one_of_few('contact_id', 'contact_id', 'touched_contacts') }}
    union
    select link from touched_links

),

replaced_contacts as (

    select contact_id from touched_contacts
    union
    select contact_id from contact_links
    where {{ one_of_few('link', 'link', 'links') }}
    {%- for relation, moment in [
        ('int_timeline__intervals', 'valid_from'), ('int_timeline__intervals', 'valid_to'),
        ('int_restrictions__standing', 'at'), ('int_restrictions__standing', 'until'), ('int_activity__counted', 'occurred_at'),
    ] %}
    union
    select contact_id from {{ source('standing', relation) }}
    where
        {{ moment }} > (select as_of from {{ source('standing', 'standing_build') }})
        and {{ moment }} <= (select as_of from {{ source('build', 'this_build') }})
    {%- endfor %}
    union
    select contact_id from {{ source('standing', 'int_decisions__lifecycles') }}
    where
        asleep_from > (select {{ local_date('as_of') }} from {{ source('standing', 'standing_build') }})
        and asleep_from <= (select {{ local_date('as_of') }} from {{ source('build', 'this_build') }})

)

select * from replaced_contacts
