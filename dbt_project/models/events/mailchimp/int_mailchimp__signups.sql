-- R13: the sign-ups that came by a registered way in, and the text that it showed. Mailchimp says in a member's `source` how it
-- first came in, and in the activity feed how it signed up: who left, or shows another sign-up than at first, must have come
-- back by a sign-up of the feed, for a program can set all that the member itself shows.

with members as (

    select * from {{ ref('int_mailchimp__members_placed') }}
    where signup_text is not null and not is_our_signup

),

first_versions as (

    select
        *,
        row_number() over (partition by source, list_id, member_id order by record_id) as place
    from {{ ref('stg_mailchimp__members') }}

),

feed as (

    select
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key,
        activity_type,
        {{ instant_or_null('occurred_text') }} as occurred_at
    from {{ ref('stg_mailchimp__activity') }}
    where activity_type like '%signup'

),

left_at as (

    select * from {{ ref('int_mailchimp__left_at') }}

),

ways_in as (

    select * from {{ ref('platform_ways_in') }}

),

left_before as (

    select
        members.record_id,
        max(left_at.moment) as last_left_at
    from members
    inner join left_at
        on
            left_at.member_key = members.member_key
            and left_at.moment < coalesce(members.signed_up_at, {{ forever() }})
    group by members.record_id

),

come_in as (

    select
        members.record_id,
        members.origin as way_in
    from members
    inner join first_versions
        on
            first_versions.source = members.source
            and first_versions.list_id = members.list_id
            and first_versions.member_id = members.member_id
            and first_versions.place = 1
            and first_versions.signup_text = members.signup_text
    left join left_before on left_before.record_id = members.record_id
    where left_before.record_id is null

    union all

    select
        members.record_id,
        feed.activity_type as way_in
    from members
    left join left_before on left_before.record_id = members.record_id
    inner join feed
        on
            feed.member_key = members.member_key
            -- of before the member left, it brings nobody back; Mailchimp's clocks differ by minutes
            and (left_before.last_left_at is null or feed.occurred_at > left_before.last_left_at)
            and feed.occurred_at >= {{ add_seconds('members.signed_up_at', '-600') }}
            and feed.occurred_at <= {{ add_seconds('greatest(members.signed_up_at, members.opted_in_at)', '600') }}

),

registered as (

    select
        members.record_id,
        ways_in.text_version,
        ways_in.form_url,
        row_number() over (
            partition by members.record_id order by case ways_in.list when '*' then 1 else 0 end, ways_in.text_version
        ) as place
    from members
    inner join come_in on come_in.record_id = members.record_id
    inner join ways_in
        on
            ways_in.source = members.source
            and {{ list_holds('ways_in.list', 'members.list_id') }}
            and {{ list_holds('lower(ways_in.way_in)', 'lower(come_in.way_in)') }}
            and members.placed_on >= ways_in.valid_from
            and members.placed_on <= coalesce(ways_in.valid_to, members.placed_on)
    where not ways_in.needs_ip or members.ip_signup is not null

)

select * from registered
where place = 1
