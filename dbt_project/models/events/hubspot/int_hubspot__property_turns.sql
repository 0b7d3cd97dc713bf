-- The turns to on of the properties that are held against a test (R13: that a flag vanished is nothing). What HubSpot repeats
-- in every version of a contact is one turn, told by the first version in which it was seen, of the address of its moment.

with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

history as (

    select * from {{ ref('stg_hubspot__contact_property_history') }}

),

tests as (

    select * from {{ ref('int_hubspot__property_tests') }}

),

judged as {{ computed_once() }} (

    select
        history.record_id,
        tests.property,
        history.changed_text,
        {{ turns_on('history.value', 'history.value_before', 'tests') }} as is_turn
    from history
    inner join tests on tests.source = history.source and tests.property = history.property
    where {{ is_on('history.value', 'tests') }}

),

-- a property that is on although no entry of its history is is undated
undated as (

    select
        contacts.record_id,
        tests.property,
        cast(null as text) as changed_text
    from contacts
    inner join tests on tests.source = contacts.source
    where
        {{ is_on(json_text('contacts.properties', 'tests.property'), 'tests') }}
        and not exists (
            select 1 from judged
            where judged.record_id = contacts.record_id and judged.property = tests.property
        )

),

turned as (

    select
        record_id,
        property,
        changed_text
    from judged
    where is_turn

    union all

    select
        record_id,
        property,
        changed_text
    from undated

),

-- a bounce is of the address that the contact had then, and so is an opt-out (R12, R26)
address_spans as (

    select
        record_id,
        value as email,
        {{ instant_or_null('changed_text') }} as held_from,
        lead({{ instant_or_null('changed_text') }}) over (
            partition by record_id order by {{ instant_or_null('changed_text') }}, entry_number desc
        ) as held_until
    from history
    where property = 'email' and changed_text is not null

),

addressed as (

    select distinct
        turned.record_id,
        turned.changed_text,
        address_spans.email
    from turned
    inner join address_spans
        on
            address_spans.record_id = turned.record_id
            and {{ instant_or_null('turned.changed_text') }} >= address_spans.held_from
            and (address_spans.held_until is null or {{ instant_or_null('turned.changed_text') }} < address_spans.held_until)
    where address_spans.email <> ''

),

described as (

    select
        contacts.source,
        contacts.record_id,
        contacts.payload_digest,
        contacts.received_at,
        contacts.contact_id,
        contacts.is_archived,
        coalesce(addressed.email, contacts.email) as email,
        coalesce(contacts.phone, contacts.mobile_phone) as phone,
        contacts.first_name,
        contacts.last_name,
        contacts.company,
        contacts.country,
        contacts.birth_date,
        tests.turn,
        tests.event_kind,
        tests.channel,
        tests.purpose,
        tests.brand,
        turned.changed_text,
        tests.event_kind || '/' || contacts.contact_id || '/' || coalesce(turned.changed_text, 'undated') as event_id
    from turned
    inner join contacts on contacts.record_id = turned.record_id
    inner join tests on tests.source = contacts.source and tests.property = turned.property
    left join addressed on addressed.record_id = turned.record_id and addressed.changed_text = turned.changed_text
    -- what permits does not count from the recycle bin; what restricts does
    where not (tests.turn = 'consent_label' and contacts.is_archived)

),

told as (

    select
        *,
        {{ first_receipt(['source', 'event_id']) }} as is_first
    from described

)

select * from told
where is_first
