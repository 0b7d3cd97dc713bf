with sources as (

    select * from {{ ref('sources') }}
    where brand is not null

),

brands as (

    select
        brand,
        cast(count(*) as integer) as source_count
    from sources
    group by brand

)

select * from brands
