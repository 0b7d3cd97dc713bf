-- R5: due on each day from renewal_due_on through expires_on, for who may be written to on that day. An invitation keeps its
-- distance from the one before: whoever was asked since the permission last counted anew waits. One that another purpose of
-- the same brand got on that channel keeps the distance too, unless the permission would end before it is over.

with marketable_contacts as (

    select * from {{ ref('marketable_contacts') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

asks as (

    select * from {{ ref('int_renewals__asks') }}

),

due as (

    select
        {{ key_of(['channel', 'address', 'purpose', 'brand']) }} as address_scope_id,
        {{ key_of(['channel', 'address', 'brand']) }} as address_brand_id,
        marketable_contacts.*
    from marketable_contacts
    where decided_on >= renewal_due_on and decided_on <= expires_on

),

of_the_scope as (

    select
        due.contact_id,
        due.address_scope_id,
        max(asks.asked_on) as asked_on
    from due
    inner join asks on asks.address_scope_id = due.address_scope_id and asks.asked_on > due.anchored_on
    group by due.contact_id, due.address_scope_id

),

of_the_brand as (

    select
        due.contact_id,
        due.address_scope_id,
        max(asks.asked_on) as asked_on
    from due
    inner join asks on asks.address_brand_id = due.address_brand_id and asks.asked_on > due.anchored_on
    group by due.contact_id, due.address_scope_id

),

asked as (

    select
        due.*,
        of_the_scope.asked_on as scope_asked_on,
        of_the_brand.asked_on as brand_asked_on,
        {{ add_days('of_the_scope.asked_on', 'cast(spacing.value as integer)') }} as scope_rests_until,
        {{ add_days('of_the_brand.asked_on', 'cast(spacing.value as integer)') }} as brand_rests_until,
        cast(last_chance.value as integer) as last_chance_days
    from due
    inner join attributes on attributes.contact_id = due.contact_id
    left join of_the_scope
        on of_the_scope.contact_id = due.contact_id and of_the_scope.address_scope_id = due.address_scope_id
    left join of_the_brand
        on of_the_brand.contact_id = due.contact_id and of_the_brand.address_scope_id = due.address_scope_id
    {{ join_policy('spacing', 'renewal_request_spacing_days', 'attributes.policy_country', 'due.channel', 'due.decided_on') }}
    {{ join_policy('last_chance', 'last_chance_days', 'attributes.policy_country', 'due.channel', 'due.decided_on') }}

),

rested as (

    select
        asked.*,
        coalesce(decided_on < scope_rests_until, false) as scope_rests,
        coalesce(decided_on < brand_rests_until and brand_rests_until <= expires_on, false) as brand_rests
    from asked

),

staged as (

    select
        contact_id,
        address,
        channel,
        purpose,
        brand,
        basis,
        evidence_id,
        granted_by,
        granted_on,
        text_version,
        anchored_by,
        anchored_on,
        renewal_due_on,
        expires_on,
        expires_on - decided_on as days_left,
        source,
        lead_channel,
        decided_on,
        opt_out_line,
        case when scope_asked_on is null and brand_rests then brand_asked_on else scope_asked_on end as asked_on,
        case
            when scope_rests or brand_rests then 'asked_waiting'
            when expires_on - decided_on <= last_chance_days then 'last_chance'
            when scope_asked_on is not null then 'reminder'
            else 'new'
        end as stage
    from rested

)

select * from staged
