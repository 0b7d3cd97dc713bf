with builds as (

    select
        cast('{{ var("run_id", "none") }}' as text) as run_id,
        {{ business_moment() }} as as_of,
        {{ local_date(business_moment()) }} as decided_on,
        cast('{{ var("known_at") or "infinity" }}' as timestamptz) as known_at,
        cast('{{ var("policy_version", "unknown") }}' as text) as policy_version

)

select * from builds
