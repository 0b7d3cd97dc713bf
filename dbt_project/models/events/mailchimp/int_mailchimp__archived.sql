-- R13: who was archived may have left before, and Mailchimp shows it no more: where its feed could not be read, its last state is
-- unknown, and it is read as withdrawn in what the audience stands for, at the first sight of the archive.

with members as (

    select
        *,
        lag(status) over (partition by source, list_id, member_id order by record_id) as status_before
    from {{ ref('stg_mailchimp__members') }}

),

feeds as (

    select * from {{ ref('stg_mailchimp__activity_feeds') }}
    where is_answered

),

audience_scopes as (

    select * from {{ ref('int_mailchimp__audience_scopes') }}

),

archived as (

    select members.*
    from members
    left join feeds
        on
            feeds.source = members.source
            and feeds.list_id = members.list_id
            and feeds.member_id = members.member_id
            and feeds.changed_text = members.changed_text
    where
        members.status = 'archived'
        and members.status_before is distinct from 'archived'
        and feeds.member_id is null

),

told as (

    select
        *,
        {{ first_receipt(['source', 'list_id', 'member_id', 'changed_text']) }} as is_first
    from archived

),

events as (

    select
        told.source,
        'archives/' || told.list_id || '/' || told.member_id || '/' || coalesce(told.changed_text, 'undated') as event_id,
        'consent_withdrawn' as event_type,
        told.record_id,
        told.payload_digest,
        told.received_at,
        told.list_id || '/' || told.member_id as source_contact_id,
        told.email as email_text,
        'email' as channel,
        audience_scopes.purpose,
        audience_scopes.brand,
        'mailchimp_archive' as method
    from told
    left join audience_scopes on audience_scopes.source = told.source and audience_scopes.list_id = told.list_id
    where told.is_first

)

select * from events
