-- R27: which addresses can be read in a cell that is not one address?

with received as (

    select * from {{ ref('int_events__received') }}

),

found as (

    {% for kind in ['email', 'phone'] %}
    select
        received.record_id,
        received.event_id,
        received.event_key,
        '{{ kind }}' as kind,
        within.address
    from received
    {{ join_addresses_within('received', kind) }}
    {{ "union" if not loop.last }}
    {% endfor %}

)

select * from found
