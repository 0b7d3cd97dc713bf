with consent_texts as (

    select
        text_version,
        text,
        language,
        brands,
        channels,
        purposes,
        valid_from,
        valid_to,
        state
    from {{ ref('consent_texts') }}

)

select * from consent_texts
