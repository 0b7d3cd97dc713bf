-- Mailchimp's members, their activity and who unsubscribed as canonical events. A member's version is an event of its
-- own; what Mailchimp repeats in every version (a consent, a state) is one event, told by the first version in which it
-- was seen, so that an identical redelivery keeps its first receipt (R9). What the activity feed and a campaign's report
-- both tell is one event as well.

with members as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key,
        {{ key_of(['source', 'list_id', 'address_digest']) }} as address_key
    from {{ ref('stg_mailchimp__members') }}

),

feed as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key
    from {{ ref('stg_mailchimp__activity') }}

),

email_activity as (

    select
        *,
        {{ key_of(['source', 'list_id', 'address_digest']) }} as address_key
    from {{ ref('stg_mailchimp__email_activity') }}

),

unsubscribes as (

    select
        *,
        {{ key_of(['source', 'list_id', 'address_digest']) }} as address_key
    from {{ ref('stg_mailchimp__unsubscribes') }}

),

abuse_reports as (

    select
        *,
        {{ key_of(['source', 'list_id', 'address_digest']) }} as address_key
    from {{ ref('stg_mailchimp__abuse_reports') }}

),

reports as (

    select * from {{ ref('stg_mailchimp__reports') }}

),

audiences as (

    select * from {{ ref('mailchimp_audiences') }}

),

sources as (

    select * from {{ ref('sources') }}

),

-- What an audience stood for at all times: a restriction is of that purpose and brand, and where they changed, of all.
audience_scopes as (

    select
        source,
        list_id,
        case when count(distinct coalesce(purpose, '')) = 1 then max(purpose) end as purpose,
        case when count(distinct coalesce(brand, '')) = 1 then max(brand) end as brand,
        string_agg(import_ips, '|') as import_ips
    from audiences
    group by source, list_id

),

-- An archived member keeps no trace of what it was before: its version says nothing of consent, and nobody is mailed.
present as (

    select
        members.*,
        {{ instant_or_null('members.signup_text') }} as signed_up_at,
        {{ instant_or_null('members.opt_in_text') }} as opted_in_at,
        {{ instant_or_null('members.changed_text') }} as changed_at
    from members
    where members.status <> 'archived'

),

-- The text that the form showed on the day of the signup (R11), and whose acts the signup and the opt-in were.
placed as (

    select
        present.*,
        audiences.text_version,
        audiences.form_url,
        case
            when audience_scopes.list_id is null then 'mailchimp_audience_' || present.list_id
            when audiences.list_id is null then audience_scopes.purpose
            else audiences.purpose
        end as asked_purpose,
        coalesce(audiences.brand, audience_scopes.brand) as asked_brand,
        coalesce(sources.double_opt_in, false) as needs_confirmation,
        coalesce(
            lower(present.origin) like '%import%' or lower(present.origin) like '%admin add%', false
        ) as is_added_by_us,
        {{ list_names("coalesce(audience_scopes.import_ips, '')", "coalesce(present.ip_signup, '-')") }} as is_our_signup,
        {{ list_names("coalesce(audience_scopes.import_ips, '')", "coalesce(present.ip_opt, '-')") }} as is_our_opt_in,
        -- asked permission by permission: the one that stands for the purpose must be on, else at least one
        jsonb_array_length(present.marketing_permissions) = 0
        or exists (
            select 1 from jsonb_array_elements(present.marketing_permissions) as permission (entry)
            where
                permission.entry ->> 'enabled' = 'true'
                and permission.entry ->> 'text' = coalesce(audiences.marketing_permission, permission.entry ->> 'text')
        ) as is_permitted
    from present
    left join audiences
        on
            audiences.source = present.source
            and audiences.list_id = present.list_id
            and {{ local_date('coalesce(present.signed_up_at, present.changed_at)') }} >= audiences.valid_from
            and (
                audiences.valid_to is null
                or {{ local_date('coalesce(present.signed_up_at, present.changed_at)') }} <= audiences.valid_to
            )
    left join audience_scopes
        on audience_scopes.source = present.source and audience_scopes.list_id = present.list_id
    left join sources on sources.source = present.source

),

-- The person sent in a form where there is a signup that is not ours; an import that claims one must show from where.
judged as (

    select
        *,
        signup_text is not null and not is_our_signup and (not is_added_by_us or ip_signup is not null) as is_by_form
    from placed

),

-- The same moment of change with other content is a correction; the same content again is not (R9).
contact_versions as (

    select
        *,
        row_number() over (
            partition by
                source, list_id, member_id, changed_text, email, phone, first_name, last_name, company, country,
                postcode, house_number, house_number_addition
            order by record_id
        ) as telling
    from present

),

contacts_upserted as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'members/' || list_id || '/' || member_id || '/' || coalesce(changed_text, 'undated')",
            'event_type': "'contact_upserted'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "changed_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'phone_text': "phone",
            'postal_country': "case when house_number is not null then country end",
            'postal_postcode': "case when house_number is not null then postcode end",
            'postal_house_number': "case when postcode is not null then house_number end",
            'postal_addition': "case when postcode is not null then house_number_addition end",
            'first_name': "first_name",
            'last_name': "last_name",
            'company': "company",
            'country': "country"
        }) }}
    from contact_versions
    where telling = 1

),

-- Else we, or a program of ours, added the member: its opt-in is dated only where it is not our own act, and shows no
-- text (R11, R13).
consenting as (

    select
        *,
        case
            when is_by_form then signup_text
            when not is_added_by_us and not is_our_signup and not is_our_opt_in and ip_opt is not null then opt_in_text
        end as consented_text
    from judged
    where
        status = 'subscribed'
        -- who unsubscribed or was cleaned had consented before, if the opt-in had come
        or (status in ('unsubscribed', 'cleaned') and opt_in_text is not null)
        -- R14: where a confirmation is needed, a grant that waits for it; elsewhere a grant would count at once
        or (status = 'pending' and needs_confirmation and signup_text is not null)

),

consents as (

    select
        *,
        row_number() over (
            partition by source, list_id, member_id, is_by_form, consented_text order by record_id
        ) as telling
    from consenting

),

consents_given as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': """
                case when is_by_form then 'consents/' else 'additions/' end
                || list_id || '/' || member_id || '/' || coalesce(consented_text, 'undated')
            """,
            'event_type': "'consent_given'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "consented_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'first_name': "first_name",
            'last_name': "last_name",
            'company': "company",
            'country': "country",
            'channel': "'email'",
            'purpose': "asked_purpose",
            'brand': "asked_brand",
            'method': "case when is_by_form then 'mailchimp_form' else 'mailchimp_addition' end",
            'text_version': "case when is_by_form and is_permitted then text_version end",
            'form_url': "case when is_by_form then form_url end",
            'ip': "case when is_by_form then ip_signup end"
        }) }}
    from consents
    where telling = 1

),

confirmations as (

    select
        *,
        row_number() over (
            partition by source, list_id, member_id, opt_in_text order by record_id
        ) as telling
    from consenting
    where is_by_form and is_permitted and not is_our_opt_in and opted_in_at > signed_up_at

),

consents_confirmed as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'confirmations/' || list_id || '/' || member_id || '/' || opt_in_text",
            'event_type': "'consent_confirmed'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "opt_in_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'country': "country",
            'channel': "'email'",
            'purpose': "asked_purpose",
            'brand': "asked_brand",
            'method': "'mailchimp_double_opt_in'",
            'ip': "ip_opt"
        }) }}
    from confirmations
    where telling = 1

),

requests as (

    select
        *,
        coalesce(signup_text, changed_text) as requested_text,
        row_number() over (
            partition by source, list_id, member_id, coalesce(signup_text, 'added') order by record_id
        ) as telling
    from judged
    where status = 'pending' and (signup_text is null or not needs_confirmation)

),

-- R16: who was asked to confirm and did not has permitted nothing.
consents_requested as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'requests/' || list_id || '/' || member_id || '/' || coalesce(requested_text, 'undated')",
            'event_type': "'consent_requested'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "requested_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'channel': "'email'",
            'purpose': "asked_purpose",
            'brand': "asked_brand",
            'method': "case when signup_text is not null then 'mailchimp_form' else 'mailchimp_addition' end"
        }) }}
    from requests
    where telling = 1

),

standings as (

    select
        judged.*,
        case when status = 'subscribed' and not is_permitted then 'declined' else status end as standing,
        coalesce(unsubscribe_reason ~* '(spam|abuse)', false) as is_complaint,
        lag(case when status = 'subscribed' and not is_permitted then 'declined' else status end) over (
            partition by source, list_id, member_id order by record_id
        ) as standing_before,
        lag(changed_at) over (partition by source, list_id, member_id order by record_id) as changed_before_at
    from judged

),

-- A state is told by the first version that shows it; versions that go on showing it tell nothing new.
turns as (

    select
        *,
        list_id || '/' || member_id || '/' || coalesce(changed_text, 'undated') as turn_id
    from standings
    where standing is distinct from standing_before

),

member_of_address as (

    select
        address_key,
        (array_agg(member_id order by record_id))[1] as member_id
    from members
    group by address_key

),

-- The address of a member at the time of a record of its feed, which names none (R12).
member_spans as (

    select
        member_key,
        email,
        record_id,
        lead(record_id) over (partition by member_key order by record_id) as next_record_id
    from members

),

addressed_feed as (

    select
        feed.*,
        member_spans.email
    from feed
    left join member_spans
        on
            member_spans.member_key = feed.member_key
            and member_spans.record_id < feed.record_id
            and (member_spans.next_record_id is null or member_spans.next_record_id > feed.record_id)

),

-- Every dated report that somebody left or complained, from whichever side it comes.
reported_leaving as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        list_id,
        member_id,
        'member/' || member_id as person,
        email,
        occurred_text,
        coalesce(unsubscribe_reason ~* '(spam|abuse)', false) as is_complaint
    from addressed_feed
    where activity_type = 'unsub'

    union all

    select
        unsubscribes.source,
        unsubscribes.record_id,
        unsubscribes.payload_digest,
        unsubscribes.received_at,
        unsubscribes.list_id,
        member_of_address.member_id,
        coalesce('member/' || member_of_address.member_id, 'campaign/' || unsubscribes.unsubscribe_id) as person,
        unsubscribes.email,
        unsubscribes.occurred_text,
        coalesce(unsubscribes.unsubscribe_reason ~* '(spam|abuse)', false) as is_complaint
    from unsubscribes
    left join member_of_address on member_of_address.address_key = unsubscribes.address_key

    union all

    select
        abuse_reports.source,
        abuse_reports.record_id,
        abuse_reports.payload_digest,
        abuse_reports.received_at,
        abuse_reports.list_id,
        member_of_address.member_id,
        coalesce('member/' || member_of_address.member_id, 'report/' || abuse_reports.abuse_report_id) as person,
        abuse_reports.email,
        abuse_reports.occurred_text,
        true as is_complaint
    from abuse_reports
    left join member_of_address on member_of_address.address_key = abuse_reports.address_key

),

told_leaving as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key,
        {{ instant_or_null('occurred_text') }} as occurred_at,
        row_number() over (
            partition by source, list_id, person, is_complaint, occurred_text order by record_id
        ) as telling
    from reported_leaving

),

-- Which turn of a member's state a report dates: one not before what the member had done until then, and not after the
-- change that shows it. Mailchimp's clocks differ by seconds.
matched_leaving as (

    select
        told_leaving.*,
        turns.turn_id,
        turns.record_id as turn_record_id,
        row_number() over (
            partition by told_leaving.record_id order by turns.record_id
        ) as turn_place
    from told_leaving
    left join turns
        on
            turns.standing = 'unsubscribed'
            and turns.member_key = told_leaving.member_key
            and turns.is_complaint = told_leaving.is_complaint
            and told_leaving.occurred_at <= {{ add_seconds('turns.changed_at', '60') }}
            and (
                greatest(turns.signed_up_at, turns.opted_in_at, turns.changed_before_at) is null
                or told_leaving.occurred_at > greatest(turns.signed_up_at, turns.opted_in_at, turns.changed_before_at)
            )
    where told_leaving.telling = 1

),

dated_leaving as (

    select
        *,
        row_number() over (partition by turn_record_id order by record_id) as place_in_turn
    from matched_leaving
    where turn_place = 1

),

-- The first report after the turn corrects its date; a turn that comes after its report adds nothing. Both hold for
-- good, whatever comes later.
leaving as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        list_id,
        member_id,
        email,
        is_complaint,
        case
            when turn_record_id < record_id and place_in_turn = 1 then turn_id
            else list_id || '/' || person || '/' || coalesce(occurred_text, 'undated')
        end as leaving_id,
        occurred_text
    from dated_leaving

    union all

    select
        turns.source,
        turns.record_id,
        turns.payload_digest,
        turns.received_at,
        turns.list_id,
        turns.member_id,
        turns.email,
        turns.is_complaint,
        turns.turn_id as leaving_id,
        turns.changed_text as occurred_text
    from turns
    where
        turns.standing = 'unsubscribed'
        and not exists (
            select 1 from dated_leaving
            where dated_leaving.turn_record_id = turns.record_id and dated_leaving.record_id < turns.record_id
        )

),

-- Of what came in one and the same moment the later record stands.
leaving_versions as (

    select
        leaving.*,
        audience_scopes.purpose,
        audience_scopes.brand,
        row_number() over (
            partition by leaving.source, leaving.is_complaint, leaving.leaving_id, leaving.received_at
            order by leaving.record_id desc
        ) as place
    from leaving
    left join audience_scopes
        on audience_scopes.source = leaving.source and audience_scopes.list_id = leaving.list_id

),

withdrawn_by_leaving as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "case when is_complaint then 'complaints/' else 'unsubscribes/' end || leaving_id",
            'event_type': "case when is_complaint then 'spam_complaint' else 'consent_withdrawn' end",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "occurred_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'channel': "'email'",
            'purpose': "case when not is_complaint then purpose end",
            'brand': "case when not is_complaint then brand end",
            'method': "case when is_complaint then 'mailchimp_complaint' else 'mailchimp_unsubscribe' end"
        }) }}
    from leaving_versions
    where place = 1

),

-- The box of the purpose was on and is off: the version shows it, the feed dates it.
switched_off as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        list_id,
        member_id,
        email,
        changed_text as occurred_text
    from turns
    where standing = 'declined' and standing_before = 'subscribed'

    union all

    select
        source,
        record_id,
        payload_digest,
        received_at,
        list_id,
        member_id,
        email,
        occurred_text
    from addressed_feed
    where
        activity_type = 'marketing_permission'
        and not has_opted_in_to_marketing_permission
        and exists (
            select 1 from audiences
            where
                audiences.source = addressed_feed.source
                and audiences.list_id = addressed_feed.list_id
                and audiences.marketing_permission = addressed_feed.marketing_permission
        )

),

switches as (

    select
        switched_off.*,
        audience_scopes.purpose,
        audience_scopes.brand,
        row_number() over (
            partition by switched_off.source, switched_off.list_id, switched_off.member_id, switched_off.occurred_text
            order by switched_off.record_id
        ) as telling
    from switched_off
    left join audience_scopes
        on audience_scopes.source = switched_off.source and audience_scopes.list_id = switched_off.list_id

),

withdrawn_by_switch as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'permissions/' || list_id || '/' || member_id || '/' || coalesce(occurred_text, 'undated')",
            'event_type': "'consent_withdrawn'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "occurred_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'channel': "'email'",
            'purpose': "purpose",
            'brand': "brand",
            'method': "'mailchimp_marketing_permission'"
        }) }}
    from switches
    where telling = 1

),

-- R26: Mailchimp cleans a member whose address does not work.
cleaned as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': "'cleaned/' || turn_id",
            'event_type': "'email_bounced'",
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "changed_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'channel': "'email'",
            'bounce': "'hard'"
        }) }}
    from turns
    where standing = 'cleaned'

),

reported_acts as (

    select
        source,
        record_id,
        payload_digest,
        received_at,
        list_id,
        member_id,
        'member/' || member_id as person,
        email,
        campaign_id,
        activity_type,
        link,
        bounce,
        occurred_text
    from addressed_feed
    where activity_type in ('open', 'click', 'bounce')

    union all

    select
        email_activity.source,
        email_activity.record_id,
        email_activity.payload_digest,
        email_activity.received_at,
        email_activity.list_id,
        member_of_address.member_id,
        coalesce('member/' || member_of_address.member_id, 'campaign/' || email_activity.activity_id) as person,
        email_activity.email,
        email_activity.campaign_id,
        email_activity.activity_type,
        email_activity.link,
        email_activity.bounce,
        email_activity.occurred_text
    from email_activity
    left join member_of_address on member_of_address.address_key = email_activity.address_key
    where email_activity.activity_type in ('open', 'click', 'bounce')

),

told_acts as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id', 'campaign_id']) }} as mail_key,
        {{ instant_or_null('occurred_text') }} as occurred_at,
        row_number() over (
            partition by source, list_id, person, campaign_id, activity_type, link, bounce, occurred_text
            order by record_id
        ) as telling
    from reported_acts

),

campaigns as (

    select
        source,
        campaign_id,
        {{ instant_or_null("(array_agg(sent_text order by record_id desc))[1]") }} as sent_at
    from reports
    group by source, campaign_id

),

-- The mail to this member, where the feed tells of it: a campaign to many takes its time.
sent_to_members as (

    select
        {{ key_of(['source', 'list_id', 'member_id', 'campaign_id']) }} as mail_key,
        {{ instant_or_null('occurred_text') }} as sent_at
    from feed
    where activity_type = 'sent'

),

mailed as (

    select
        told_acts.record_id,
        max(sent_to_members.sent_at) as sent_at
    from told_acts
    inner join sent_to_members
        on sent_to_members.mail_key = told_acts.mail_key and sent_to_members.sent_at <= told_acts.occurred_at
    where told_acts.telling = 1 and told_acts.activity_type = 'click'
    group by told_acts.record_id

),

acts as (

    select
        told_acts.*,
        case
            when told_acts.activity_type = 'click'
                then extract(epoch from told_acts.occurred_at - coalesce(mailed.sent_at, campaigns.sent_at))
        end as seconds_since_delivery
    from told_acts
    left join campaigns
        on campaigns.source = told_acts.source and campaigns.campaign_id = told_acts.campaign_id
    left join mailed on mailed.record_id = told_acts.record_id
    where told_acts.telling = 1

),

activities as (

    select
        {{ canonical_event_columns({
            'source': "source",
            'event_id': """
                activity_type || 's/' || coalesce(list_id, '-') || '/' || person || '/' || coalesce(campaign_id, '-') || '/'
                || coalesce(occurred_text, 'undated') || coalesce('/' || bounce, '') || coalesce('/' || left(md5(link), 12), '')
            """,
            'event_type': """
                case activity_type
                    when 'click' then 'link_clicked'
                    when 'open' then 'email_opened'
                    when 'bounce' then 'email_bounced'
                end
            """,
            'record_id': "record_id",
            'payload_digest': "payload_digest",
            'received_at': "received_at",
            'occurred_text': "occurred_text",
            'source_contact_id': "list_id || '/' || member_id",
            'email_text': "email",
            'channel': "case when activity_type = 'bounce' then 'email' end",
            'message_id': "campaign_id",
            'link': "link",
            'seconds_since_delivery': "seconds_since_delivery",
            'bounce': "case when activity_type = 'bounce' then coalesce(bounce, 'soft') end"
        }) }}
    from acts

),

events as (

    select * from contacts_upserted
    union all
    select * from consents_given
    union all
    select * from consents_confirmed
    union all
    select * from consents_requested
    union all
    select * from withdrawn_by_leaving
    union all
    select * from withdrawn_by_switch
    union all
    select * from cleaned
    union all
    select * from activities

)

select * from events
