{# docs/contract.md, answers: the one decision over several rows of `int_decisions__considered`, those of one scope of a contact
   or those of all contacts that carry an address. The relation has one row more than nothing for each key, with nulls where
   nothing is known, and a column is_role_address. One row per key; each order is total, so that the same rows are always
   decided the same. Nearly every key has one row, which then is all that is chosen from. #}
{% macro decided_over(relation, key) %}
held_by_several as (

    select {{ key }} as held_key from {{ relation }}
    group by {{ key }}
    having count(*) > 1

),

alone as (

    select
        {{ relation }}.*,
        coalesce(is_usable, false) as is_marketable,
        coalesce(basis = 'consent' and class is not null, false) as has_said_consent,
        speaking_precedence as first_precedence,
        1 as standing_rank
    from {{ relation }}
    left join held_by_several on held_by_several.held_key = {{ relation }}.{{ key }}
    where held_by_several.held_key is null

),

sole as (

    select
        *,
        {{ status_group() }} as status_group,
        1 as reliance_rank,
        1 as status_rank,
        1 as said_rank
    from alone

),

flagged as (

    select
        {{ relation }}.*,
        coalesce(bool_or(is_usable) over (partition by {{ key }}), false) as is_marketable,
        coalesce(bool_or(basis = 'consent' and class is not null) over (partition by {{ key }}), false) as has_said_consent,
        min(speaking_precedence) over (partition by {{ key }}) as first_precedence,
        row_number() over (
            partition by {{ key }} order by speaking_precedence nulls last, since, stands_by, until desc, basis_rank, scope_id
        ) as standing_rank
    from {{ relation }}
    inner join held_by_several on held_by_several.held_key = {{ relation }}.{{ key }}

),

grouped as (

    select
        *,
        {{ status_group() }} as status_group
    from flagged

),

ranked as (

    select
        *,
        row_number() over (
            partition by {{ key }}
            order by
                case when is_usable then 0 when is_live then 1 else 2 end, basis_rank, expires_on desc, evidence_id, scope_id
        ) as reliance_rank,
        row_number() over (
            partition by {{ key }}
            order by
                status_group,
                case when status_group = 1 then basis_rank end,
                case when speaks_of_restriction then 0 else 1 end,
                restricted_at desc nulls last,
                restricted_by desc nulls last,
                class nulls last,
                said_at desc nulls last,
                said_by desc nulls last,
                basis_rank,
                scope_id
        ) as status_rank,
        row_number() over (
            partition by {{ key }}
            order by
                case
                    when basis = 'consent' and class in (1, 2) then 0
                    when class is not null and basis <> 'consent' then 1
                    when class is not null then 2
                    else 3
                end,
                basis_rank,
                class,
                said_at desc nulls last,
                said_by desc nulls last,
                until desc,
                scope_id
        ) as said_rank
    from grouped

),

decided as (

    select
        {{ decision_of('sole', 'sole', 'sole', 'sole') }}
    from sole
    left join {{ ref('reasons') }} as reasons on reasons.precedence = sole.first_precedence
    union all
    select
        {{ decision_of('relied', 'stated', 'said', 'standing') }}
    from ranked as relied
    inner join ranked as stated on stated.{{ key }} = relied.{{ key }} and stated.status_rank = 1
    inner join ranked as said on said.{{ key }} = relied.{{ key }} and said.said_rank = 1
    inner join ranked as standing on standing.{{ key }} = relied.{{ key }} and standing.standing_rank = 1
    left join {{ ref('reasons') }} as reasons on reasons.precedence = relied.first_precedence
    where relied.reliance_rank = 1

)
{% endmacro %}

{# Whose status is given: of a consent's records and what reaches them; else the first other basis that was formed; else a
   restriction alone. #}
{% macro status_group() -%}
    case
        when has_said_consent and (basis = 'consent' or speaks_of_restriction) then 0
        when not has_said_consent and is_formed then 1
        when speaks_of_restriction then 2
        else 3
    end
{%- endmacro %}

{# What is decided: from the row that is relied on, the one whose status is given, the one that said the last word, and the
   restriction that stands first. #}
{% macro decision_of(relied, stated, said, standing) -%}
    {{ relied }}.*,
    case when {{ relied }}.is_marketable then {{ relied }}.basis end as basis_relied_on,
    case
        -- an address that is unusable changes the reason, never the status
        when {{ relied }}.is_live then {{ relied }}.status
        when {{ stated }}.status_group = 1 then {{ stated }}.status
        when {{ stated }}.speaks_of_restriction and {{ stated }}.is_refusal then 'ConsentRefused'
        when {{ stated }}.speaks_of_restriction then 'ConsentWithdrawn'
        when {{ stated }}.status_group = 0 then {{ stated }}.status
        else 'ConsentUnknown'
    end as status_given,
    case
        when {{ relied }}.is_marketable then 'ok'
        when reasons.reason is not null then reasons.reason
        when {{ said }}.basis = 'consent' and {{ said }}.class in (1, 2) then {{ said }}.said_reason
        when {{ relied }}.is_role_address then 'role_address'
        else coalesce({{ said }}.said_reason, 'no_permission')
    end as reason_given,
    {{ relied }}.first_precedence as precedence_given,
    -- since and until when it has its reason, and the event that the reason speaks of
    case
        when {{ relied }}.is_marketable then {{ relied }}.since
        when reasons.reason is not null then {{ standing }}.since
        else {{ said }}.since
    end as since_given,
    case
        when {{ relied }}.is_marketable then {{ relied }}.until
        when reasons.reason is not null then {{ standing }}.until
        else {{ said }}.until
    end as until_given,
    case
        when {{ relied }}.is_marketable then null
        when reasons.reason is not null then {{ standing }}.stands_by
        else {{ said }}.said_because_of
    end as because_of
{%- endmacro %}
