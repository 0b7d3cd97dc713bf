{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['contact_id']}]) }}
-- How a contact's postal address is written: as the newest first-party record that tells its street does, else the newest.

with cleared as (

    select
        *,
        concat_ws(
            '-', postal_house_number, nullif(regexp_replace(postal_addition, '^[^0-9A-Za-z]+', ''), '')
        ) as numbered
    from {{ ref('int_events__cleared') }}
    where postal is not null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

spelled as (

    select
        resolved.world_id,
        resolved.contact_id,
        cleared.postal as address,
        case
            when cleared.postal_street is null
                then concat_ws(' ', cleared.postal_postcode, cleared.numbered, cleared.postal_city)
            else
                cleared.postal_street || ' ' || cleared.numbered || ', '
                || concat_ws(' ', cleared.postal_postcode, cleared.postal_city)
        end as address_written,
        cleared.postal_street is not null as tells_street,
        cleared.party,
        coalesce(cleared.effective_at, cleared.received_at) as told_at,
        cleared.event_key
    from cleared
    inner join resolved on resolved.world_id = cleared.world_id and resolved.event_key = cleared.event_key

),

ranked as (

    select
        *,
        row_number() over (
            partition by world_id, contact_id, address
            order by
                case when tells_street then 0 else 1 end,
                case party when 'first_party' then 0 else 1 end,
                told_at desc,
                event_key desc
        ) as place
    from spelled

),

postal_addresses as (

    select
        world_id,
        contact_id,
        address,
        address_written
    from ranked
    where place = 1

)

select * from postal_addresses
