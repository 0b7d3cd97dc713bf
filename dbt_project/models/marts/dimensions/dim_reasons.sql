-- Every reason that a decision can give, in words; what stands over a scope comes first, in its order.

with reason_words as (

    select * from {{ ref('reason_words') }}

),

standing as (

    select
        reason,
        kind,
        precedence
    from {{ ref('reasons') }}

),

told as (

    select
        reason_words.reason,
        coalesce(standing.kind, 'no_basis') as kind,
        standing.precedence,
        reason_words.why_nl,
        reason_words.why_en,
        reason_words.remedy_nl,
        reason_words.remedy_en
    from reason_words
    left join standing on standing.reason = reason_words.reason

    union all

    select
        'ok' as reason,
        'basis' as kind,
        cast(null as integer) as precedence,
        'Er is een geldige grondslag.' as why_nl,
        'A basis is live.' as why_en,
        cast(null as text) as remedy_nl,
        cast(null as text) as remedy_en

)

select * from told
