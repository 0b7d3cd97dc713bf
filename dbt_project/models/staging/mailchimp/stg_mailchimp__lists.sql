with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.lists' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        payload ->> 'id' as list_id,

        -- attributes
        coalesce(payload ->> 'double_optin' = 'true', false) as has_double_opt_in,

        -- evidence
        received_at
    from source

)

select * from renamed
