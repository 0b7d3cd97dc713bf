-- What a member's audience stood for on the day of its signup, and which acts were ours (R11).

with members as (

    select * from {{ ref('stg_mailchimp__members') }}
    -- an archived member keeps no trace of what it was before: its version says nothing of consent, and nobody is mailed
    where status <> 'archived'

),

boxes as (

    select * from {{ ref('stg_mailchimp__marketing_permissions') }}

),

audiences as (

    select * from {{ ref('mailchimp_audiences') }}

),

audience_scopes as (

    select * from {{ ref('int_mailchimp__audience_scopes') }}

),

sources as (

    select * from {{ ref('sources') }}

),

present as (

    select
        *,
        {{ key_of(['source', 'list_id', 'member_id']) }} as member_key,
        {{ instant_or_null('signup_text') }} as signed_up_at,
        {{ instant_or_null('opt_in_text') }} as opted_in_at,
        {{ instant_or_null('changed_text') }} as changed_at,
        {{ local_date("coalesce(" ~ instant_or_null('signup_text') ~ ", " ~ instant_or_null('changed_text') ~ ")") }} as placed_on
    from members

),

placed as (

    select
        present.*,
        audiences.marketing_permission,
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
        replace(coalesce(audience_scopes.import_ips, ''), ', ', '|') as our_ips
    from present
    left join audiences
        on
            audiences.source = present.source
            and audiences.list_id = present.list_id
            and present.placed_on >= audiences.valid_from
            and present.placed_on <= coalesce(audiences.valid_to, present.placed_on)
    left join audience_scopes
        on audience_scopes.source = present.source and audience_scopes.list_id = present.list_id
    left join sources on sources.source = present.source

),

-- asked permission by permission: the one that stands for the purpose must be on, else at least one
box_states as (

    select
        placed.record_id,
        max(
            case
                when boxes.is_on and boxes.permission = coalesce(placed.marketing_permission, boxes.permission) then 1
                else 0
            end
        ) = 1 as is_permitted
    from placed
    inner join boxes on boxes.record_id = placed.record_id
    group by placed.record_id

),

members_placed as (

    select
        placed.*,
        coalesce(box_states.is_permitted, true) as is_permitted,
        {{ list_names("placed.our_ips", "coalesce(placed.ip_signup, '-')") }} as is_our_signup,
        {{ list_names("placed.our_ips", "coalesce(placed.ip_opt, '-')") }} as is_our_opt_in
    from placed
    left join box_states on box_states.record_id = placed.record_id

)

select * from members_placed
