-- R12: a member's feed names no address; it is that of the member when the record came.

with members as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key
    from {{ ref('stg_mailchimp__members') }}

),

feed as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key
    from {{ ref('stg_mailchimp__activity') }}

),

member_spans as (

    select
        member_key,
        email,
        record_id,
        lead(record_id) over (partition by member_key order by record_id) as next_record_id
    from members

),

activity_addressed as (

    select
        feed.*,
        member_spans.email
    from feed
    left join member_spans
        on
            member_spans.member_key = feed.member_key
            and member_spans.record_id < feed.record_id
            and (member_spans.next_record_id is null or member_spans.next_record_id > feed.record_id)

)

select * from activity_addressed
