-- R14: the opt-in that came after the signup: a click in the mail that asks for it, which Mailchimp sends where the member was
-- pending or the audience's double opt-in was on. What else moves an opt-in's moment is no confirmation (R13).

with consenting as (

    select * from {{ ref('int_mailchimp__consenting') }}
    where
        (is_by_form or has_been_pending)
        and is_permitted
        and not is_our_opt_in
        and ip_opt is not null
        and opted_in_at > signed_up_at

),

left_at as (

    select * from {{ ref('int_mailchimp__left_at') }}

),

audience_spans as (

    select
        source,
        list_id,
        has_double_opt_in,
        lag(received_at) over (partition by source, list_id order by record_id) as before_at,
        received_at,
        lead(received_at) over (partition by source, list_id order by record_id) as until_at
    from {{ ref('stg_mailchimp__lists') }}

),

-- as it was when it was first seen, so it was before
asked_to_confirm as (

    select
        consenting.record_id,
        min(case when audience_spans.has_double_opt_in then 1 else 0 end) = 1 as is_asked
    from consenting
    inner join audience_spans
        on
            audience_spans.source = consenting.source
            and audience_spans.list_id = consenting.list_id
            and (audience_spans.before_at is null or audience_spans.received_at <= consenting.opted_in_at)
            and (audience_spans.until_at is null or audience_spans.until_at > consenting.signed_up_at)
    group by consenting.record_id

),

-- who left meanwhile was brought back by a program
left_between as (

    select distinct consenting.record_id
    from consenting
    inner join left_at
        on
            left_at.member_key = consenting.member_key
            and left_at.moment > consenting.signed_up_at
            and left_at.moment < consenting.opted_in_at

),

confirming as (

    select
        consenting.*,
        {{ first_receipt([
            'consenting.source', 'consenting.list_id', 'consenting.member_id', 'consenting.signup', 'consenting.opt_in_text'
        ], 'consenting') }} as is_first,
        -- the moment of an opt-in that was there already was moved
        coalesce(
            consenting.opt_in_text_before <> consenting.opt_in_text
            and consenting.status_before <> 'pending'
            and consenting.signup = consenting.signup_before,
            false
        ) as is_moved
    from consenting
    left join asked_to_confirm on asked_to_confirm.record_id = consenting.record_id
    left join left_between on left_between.record_id = consenting.record_id
    where
        left_between.record_id is null
        and (consenting.has_been_pending or coalesce(asked_to_confirm.is_asked, false))

),

events as (

    select
        source,
        'confirmations/' || list_id || '/' || member_id || '/' || opt_in_text as event_id,
        'consent_confirmed' as event_type,
        record_id,
        payload_digest,
        received_at,
        opt_in_text as occurred_text,
        list_id || '/' || member_id as source_contact_id,
        email as email_text,
        country,
        'email' as channel,
        asked_purpose as purpose,
        asked_brand as brand,
        'mailchimp_double_opt_in' as method,
        ip_opt as ip
    from confirming
    where is_first and not is_moved

)

select * from events
