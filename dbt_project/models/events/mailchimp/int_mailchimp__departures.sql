-- R23, R26: who left, and when. A turn of a member's state shows that it left, a report says when: the first report after the
-- turn corrects its date; a turn that comes after its report adds nothing. Both hold for good, whatever comes later.

with turns as (

    select * from {{ ref('int_mailchimp__turns') }}
    where standing = 'unsubscribed'

),

reported as (

    select * from {{ ref('int_mailchimp__departures_reported') }}

),

-- Which turn a report dates: one not before what the member had done until then, and not after the change that shows it.
-- Mailchimp's clocks differ by seconds.
matched as (

    select
        reported.*,
        turns.turn_id,
        turns.record_id as turn_record_id,
        row_number() over (partition by reported.record_id order by turns.record_id) as turn_place
    from reported
    left join turns
        on
            turns.member_key = reported.member_key
            and turns.is_complaint = reported.is_complaint
            and reported.occurred_at <= {{ add_seconds('turns.changed_at', '60') }}
            and (
                greatest(turns.signed_up_at, turns.opted_in_at, turns.changed_before_at) is null
                or reported.occurred_at > greatest(turns.signed_up_at, turns.opted_in_at, turns.changed_before_at)
            )

),

dated as (

    select
        *,
        row_number() over (partition by turn_record_id order by record_id) as place_in_turn
    from matched
    where turn_place = 1

),

told_before as (

    select distinct turn_record_id from dated
    where record_id < turn_record_id

),

left_at as (

    select
        source, record_id, payload_digest, received_at, list_id, member_id, email, is_complaint, occurred_text,
        case
            when turn_record_id < record_id and place_in_turn = 1 then turn_id
            else list_id || '/' || person || '/' || coalesce(occurred_text, 'undated')
        end as departure_id
    from dated

    union all

    select
        turns.source, turns.record_id, turns.payload_digest, turns.received_at, turns.list_id, turns.member_id, turns.email,
        turns.is_complaint, turns.changed_text as occurred_text, turns.turn_id as departure_id
    from turns
    left join told_before on told_before.turn_record_id = turns.record_id
    where told_before.turn_record_id is null

),

-- Of what came in one and the same moment the later record stands.
departures as (

    select
        *,
        row_number() over (
            partition by source, is_complaint, departure_id, received_at order by record_id desc
        ) as place
    from left_at

)

select * from departures
where place = 1
