-- R11: a subscription is a consent only where HubSpot holds consent as its legal basis. One that is not in the seed is given a
-- purpose that no text covers: it is seen in the audit and permits nothing. R13: the first one proves the text that it names;
-- a later one is the person's act only where HubSpot shows that it came by a registered way in.

with told as (

    select
        *,
        {{ instant_or_null('status_text') }} as status_at
    from {{ ref('int_hubspot__statuses_told') }}
    -- what permits does not count from the recycle bin
    where status = 'SUBSCRIBED' and legal_basis = 'CONSENT_WITH_NOTICE' and not is_archived

),

history as (

    select
        *,
        {{ instant_or_null('changed_text') }} as changed_at
    from {{ ref('stg_hubspot__contact_property_history') }}

),

ways_in as (

    select * from {{ ref('platform_ways_in') }}

),

texts as (

    select * from {{ ref('consent_texts') }}

),

-- the change of the subscription's property, which is of the contact's first address, says who made it;
-- HubSpot's clocks differ by seconds
shown as (

    select
        told.record_id,
        max(ways_in.text_version) as text_version,
        max(ways_in.form_url) as form_url
    from told
    inner join history
        on
            history.record_id = told.contact_record_id
            and lower(btrim(told.contact_email)) = lower(btrim(told.email))
            and history.property = 'hs_email_optout_' || told.subscription_id
            and history.changed_at >= {{ add_seconds('told.status_at', '-60') }}
            and history.changed_at <= {{ add_seconds('told.status_at', '60') }}
    inner join ways_in
        on
            ways_in.source = told.source
            and {{ list_holds('ways_in.list', 'told.subscription_id') }}
            and {{ list_holds('lower(ways_in.way_in)', 'lower(history.source_type)') }}
            and not ways_in.needs_ip  -- HubSpot shows none
            and {{ local_date('told.status_at') }} >= ways_in.valid_from
            and {{ local_date('told.status_at') }} <= coalesce(ways_in.valid_to, {{ local_date('told.status_at') }})
    group by told.record_id

),

-- the first one of an address and subscription that names its text
first_named as (

    select
        *,
        row_number() over (
            partition by source, contact_id, subscription_id, address_number order by record_id
        ) as place
    from told
    where legal_basis_explanation is not null

),

proven as (

    select
        told.*,
        shown.record_id is not null as shows_way_in,
        shown.form_url,
        coalesce(
            first_named.record_id < told.record_id and first_named.event_id <> told.event_id, false
        ) as is_later,
        -- an explanation that names no text that there is leaves the way in to say which one it was
        coalesce(texts.text_version, shown.text_version, told.legal_basis_explanation) as named_text
    from told
    left join shown on shown.record_id = told.record_id
    left join texts on texts.text_version = told.legal_basis_explanation
    left join first_named
        on
            first_named.source = told.source
            and first_named.contact_id = told.contact_id
            and first_named.subscription_id = told.subscription_id
            and first_named.address_number = told.address_number
            and first_named.place = 1

),

events as (

    select
        source,
        event_id,
        'consent_given' as event_type,
        record_id,
        payload_digest,
        received_at,
        status_text as occurred_text,
        contact_id as source_contact_id,
        email as email_text,
        first_name,
        last_name,
        company,
        country,
        birth_date as birth_date_text,
        scope_channel as channel,
        coalesce(mapped_purpose, 'hubspot_subscription_' || subscription_id) as purpose,
        mapped_brand as brand,
        'hubspot_subscription' as method,
        case when shows_way_in or not is_later then named_text end as text_version,
        form_url,
        shows_way_in
    from proven

)

select * from events
