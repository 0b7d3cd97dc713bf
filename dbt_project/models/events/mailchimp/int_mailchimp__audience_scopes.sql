-- What an audience stood for at all times: a restriction is of that purpose and brand, and where they changed, of all.

with audiences as (

    select * from {{ ref('mailchimp_audiences') }}

),

audience_scopes as (

    select
        source,
        list_id,
        case when count(distinct coalesce(purpose, '')) = 1 then max(purpose) end as purpose,
        case when count(distinct coalesce(brand, '')) = 1 then max(brand) end as brand,
        {{ sorted_list('import_ips') }} as import_ips
    from audiences
    group by source, list_id

)

select * from audience_scopes
