-- A column mapped onto a field that no event has would be dropped without a word, with whatever a vendor said in it.
with vendor_columns as (

    select * from {{ ref('vendor_columns') }}

),

unknown as (

    select
        source,
        field
    from vendor_columns
    where field not in ({% for name, type in canonical_event_types() %}'{{ name }}'{{ ", " if not loop.last }}{% endfor %})

)

select * from unknown
