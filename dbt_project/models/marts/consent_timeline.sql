with timeline as (

    select * from {{ ref('int_timeline__consents') }}

),

-- neighbours that say the same are one interval
compared as (

    select
        *,
        case
            when
                lag(status) over key is not distinct from status
                and lag(reason) over key is not distinct from reason
                and lag(evidence_id) over key is not distinct from evidence_id
                and lag(valid_to) over key = valid_from
                then 0
            else 1
        end as differs
    from timeline
    window key as (partition by contact_id, address, channel, purpose, brand, basis order by valid_from)

),

numbered as (

    select
        *,
        sum(differs) over (
            partition by contact_id, address, channel, purpose, brand, basis
            order by valid_from rows between unbounded preceding and current row
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
    group by contact_id, address, channel, purpose, brand, basis, interval_number

)

select * from consent_timeline
