with purposes as (

    select
        purpose,
        description,
        product_categories
    from {{ ref('purposes') }}

)

select * from purposes
