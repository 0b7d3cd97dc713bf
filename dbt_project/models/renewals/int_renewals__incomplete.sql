-- R5, R11: the newest consent of a permission that would keep it alive, had its record the evidence that it lacks.

with consents as (

    select * from {{ ref('int_permissions__consents') }}
    where is_curable

),

builds as (

    select * from {{ ref('builds') }}

),

told as (

    select
        consents.*,
        {{ local_date('consents.effective_at') }} as consented_on
    from consents
    cross join builds
    where
        consents.effective_at <= builds.as_of
        and (consents.revoked_at is null or consents.revoked_at > builds.as_of)
        -- a first step of two proves nothing, however complete
        and not (consents.needs_confirmation and consents.event_type = 'consent_given')

),

ranked as (

    select
        *,
        row_number() over (partition by scope_id order by effective_at desc, event_key desc) as place
    from told

),

incomplete as (

    select
        contact_id,
        channel,
        address,
        purpose,
        brand,
        event_key as incomplete_consent,
        consented_on as incomplete_consent_on,
        lacking as incomplete_consent_lacks
    from ranked
    where place = 1

)

select * from incomplete
