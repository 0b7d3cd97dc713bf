with source as (

    select * from {{ source('raw', 'records') }}
    where object = 'mailchimp.members' and not is_excerpt

),

renamed as (

    select
        -- ids
        source,
        record_id,
        split_part(source_id, '/', 1) as list_id,
        split_part(source_id, '/', 2) as member_id,
        lower(payload ->> 'id') as address_digest,

        -- who
        nullif(btrim(payload ->> 'email_address'), '') as email,
        nullif(btrim(payload #>> '{merge_fields,PHONE}'), '') as phone,
        nullif(btrim(payload #>> '{merge_fields,FNAME}'), '') as first_name,
        nullif(btrim(payload #>> '{merge_fields,LNAME}'), '') as last_name,
        nullif(btrim(payload #>> '{merge_fields,COMPANY}'), '') as company,
        -- what the member stated; Mailchimp's own location is a guess by IP address
        payload #>> '{merge_fields,ADDRESS,country}' as country,
        nullif(btrim(payload #>> '{merge_fields,ADDRESS,zip}'), '') as postcode,
        -- a street, a number and perhaps an addition; what is written otherwise has no house number
        substring(
            payload #>> '{merge_fields,ADDRESS,addr1}'
            from '^\D+\s(\d{1,5})(?:\s?-?\s?[A-Za-z]{1,3}|\s?-\s?\d{1,4})?\s*$'
        ) as house_number,
        coalesce(
            substring(payload #>> '{merge_fields,ADDRESS,addr1}' from '^\D+\s\d{1,5}\s?-?\s?([A-Za-z]{1,3})\s*$'),
            substring(payload #>> '{merge_fields,ADDRESS,addr1}' from '^\D+\s\d{1,5}\s?-\s?(\d{1,4})\s*$')
        ) as house_number_addition,
        substring(
            payload #>> '{merge_fields,ADDRESS,addr1}'
            from '^(\D+)\s\d{1,5}(?:\s?-?\s?[A-Za-z]{1,3}|\s?-\s?\d{1,4})?\s*$'
        ) as street,
        nullif(btrim(payload #>> '{merge_fields,ADDRESS,city}'), '') as city,

        -- text messages
        nullif(btrim(payload ->> 'sms_phone_number'), '') as sms_phone,
        lower(btrim(payload ->> 'sms_subscription_status')) as sms_status,

        -- membership
        payload ->> 'status' as status,
        nullif(btrim(payload ->> 'unsubscribe_reason'), '') as unsubscribe_reason,
        nullif(btrim(payload ->> 'source'), '') as origin,
        nullif(btrim(payload ->> 'ip_signup'), '') as ip_signup,
        nullif(btrim(payload ->> 'ip_opt'), '') as ip_opt,

        -- moments, as text
        {{ utc_instant("payload ->> 'timestamp_signup'") }} as signup_text,
        {{ utc_instant("payload ->> 'timestamp_opt'") }} as opt_in_text,
        {{ utc_instant("payload ->> 'last_changed'") }} as changed_text,
        {{ utc_instant("payload ->> 'sms_subscription_last_updated'") }} as sms_changed_text,

        -- evidence
        digest as payload_digest,
        received_at
    from source

)

select * from renamed
