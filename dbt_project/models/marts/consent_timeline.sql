{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['address']}]) }}

with timeline as (

    select * from {{ ref('int_timeline__intervals') }}

),

-- neighbours that say the same are one interval
followed as (

    select
        *,
        lag(status) over so_far as status_before,
        lag(reason) over so_far as reason_before,
        lag(evidence_id) over so_far as evidence_before,
        lag(valid_to) over so_far as ended_before
    from timeline
    window so_far as (partition by scope_id, basis order by valid_from)

),

compared as (

    select
        *,
        case
            when
                status = status_before
                and reason = reason_before
                and valid_from = ended_before
                and coalesce(evidence_id, '') = coalesce(evidence_before, '')
                then 0
            else 1
        end as differs
    from followed

),

numbered as (

    select
        *,
        sum(differs) over (
            partition by scope_id, basis order by valid_from rows between unbounded preceding and current row
        ) as interval_number
    from compared

),

consent_timeline as (

    select
        contact_id,
        address,
        channel,
        purpose,
        brand,
        basis,
        min(status) as status,
        min(reason) as reason,
        min(valid_from) as valid_from,
        nullif(max(valid_to), {{ forever() }}) as valid_to,
        min(evidence_id) as evidence_id
    from numbered
    group by scope_id, contact_id, address, channel, purpose, brand, basis, interval_number

)

select * from consent_timeline
