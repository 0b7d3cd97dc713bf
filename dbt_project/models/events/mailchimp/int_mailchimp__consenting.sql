-- R11, R14: the versions of a member that show a consent, with the moment of the person's own act.

with members as (

    select * from {{ ref('int_mailchimp__members_judged') }}

),

-- Who came in another way was added by us or a program of ours: whatever moment it claims, it shows no text (R13); what an
-- import of ours dates is no act of the person.
consenting as (

    select
        *,
        case
            when is_by_form or (signup_text is not null and not is_our_signup) then signup_text
            when not is_added_by_us and not is_our_signup and not is_our_opt_in and ip_opt is not null then opt_in_text
        end as consented_text
    from members
    where
        status = 'subscribed'
        -- who unsubscribed or was cleaned had consented before, if the opt-in had come
        or (status in ('unsubscribed', 'cleaned') and opt_in_text is not null)
        -- R14: where a confirmation is needed, a grant that waits for it; elsewhere a grant would count at once
        or (status = 'pending' and needs_confirmation and signup_text is not null)

)

select * from consenting
