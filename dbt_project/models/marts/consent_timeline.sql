{{ config(indexes=[{'columns': ['address']}]) }}

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
        any_value(contact_id) as contact_id,
        any_value(address) as address,
        any_value(channel) as channel,
        any_value(purpose) as purpose,
        any_value(brand) as brand,
        basis,
        any_value(status) as status,
        any_value(reason) as reason,
        min(valid_from) as valid_from,
        nullif(max(valid_to), {{ forever() }}) as valid_to,
        any_value(evidence_id) as evidence_id
    from numbered
    group by scope_id, basis, interval_number
    -- by contact too, as a scope's key begins with its contact's: so the windows have it, and nothing is sorted again
    order by scope_id

)

select * from consent_timeline
