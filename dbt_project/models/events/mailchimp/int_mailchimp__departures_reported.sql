-- Every report that somebody left or complained, from whichever side it comes; what two sides tell alike is told once.

with feed as (

    select * from {{ ref('int_mailchimp__activity_addressed') }}
    where activity_type = 'unsub'

),

unsubscribes as (

    select * from {{ ref('stg_mailchimp__unsubscribes') }}

),

abuse_reports as (

    select * from {{ ref('stg_mailchimp__abuse_reports') }}

),

members as (

    select * from {{ ref('int_mailchimp__members_by_address') }}

),

by_address as (

    select
        source, record_id, payload_digest, received_at, list_id, address_digest, email, occurred_text, unsubscribe_reason,
        'campaign/' || unsubscribe_id as otherwise_known_as
    from unsubscribes

    union all

    select
        source, record_id, payload_digest, received_at, list_id, address_digest, email, occurred_text,
        'abuse report' as unsubscribe_reason,
        'report/' || abuse_report_id as otherwise_known_as
    from abuse_reports

),

reported as (

    select
        source, record_id, payload_digest, received_at, list_id, member_id, email, occurred_text, unsubscribe_reason,
        'member/' || member_id as person
    from feed

    union all

    select
        by_address.source, by_address.record_id, by_address.payload_digest, by_address.received_at, by_address.list_id,
        members.member_id, by_address.email, by_address.occurred_text, by_address.unsubscribe_reason,
        coalesce('member/' || members.member_id, by_address.otherwise_known_as) as person
    from by_address
    left join members
        on members.address_key = {{ key_of(['by_address.source', 'by_address.list_id', 'by_address.address_digest']) }}

),

judged as (

    select
        *,
        coalesce(unsubscribe_reason ~* '(spam|abuse)', false) as is_complaint
    from reported

),

told as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key,
        {{ instant_or_null('occurred_text') }} as occurred_at,
        {{ first_receipt(['source', 'list_id', 'person', 'is_complaint', 'occurred_text']) }} as is_first
    from judged

)

select * from told
where is_first
