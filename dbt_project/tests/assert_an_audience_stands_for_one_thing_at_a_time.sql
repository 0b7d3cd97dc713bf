-- Two rows in force on one day would make two consents of one form that was sent in once, one of them invented.
with audiences as (

    select * from {{ ref('mailchimp_audiences') }}

),

overlapping as (

    select
        earlier.source,
        earlier.list_id,
        earlier.valid_from,
        later.valid_from as overlapped_from
    from audiences as earlier
    inner join audiences as later
        on
            later.source = earlier.source
            and later.list_id = earlier.list_id
            and later.valid_from > earlier.valid_from
            and later.valid_from <= coalesce(earlier.valid_to, later.valid_from)

)

select * from overlapping
