with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.activity_feeds' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        split_part(source_id, '/', 1) as list_id,
        split_part(source_id, '/', 2) as member_id,

        -- attributes
        coalesce(payload ->> 'status' = '200', false) as is_answered,

        -- moments, as text
        {{ utc_instant("payload ->> 'last_changed'") }} as changed_text
    from source

)

select * from renamed
