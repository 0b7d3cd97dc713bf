-- R35: which keys bind more records of their own than a person can have? A filler address, a shared inbox that nobody has
-- registered, an id that is none (`0`): it links nobody, and a restriction on it binds nobody but itself.

with candidate_keys as {{ read_each_time() }} (

    select * from {{ ref('int_identity__candidate_keys') }}
    where not is_quarantined

),

policy_periods as (

    select * from {{ ref('policy_periods') }}
    where key = 'identity_key_max_records' and country = '*' and channel = '*'

),

newest as (

    select
        value,
        row_number() over (order by valid_from desc) as place
    from policy_periods

),

-- no key is of two kinds
held as (

    select distinct
        world_id,
        email_key as key,
        coalesce(contact_key, phone_key) as holder
    from candidate_keys
    where email_key is not null and coalesce(contact_key, phone_key) is not null
    union all
    select distinct
        world_id,
        phone_key as key,
        coalesce(contact_key, email_key) as holder
    from candidate_keys
    where phone_key is not null and coalesce(contact_key, email_key) is not null
    union all
    select distinct
        world_id,
        contact_key as key,
        coalesce(email_key, phone_key) as holder
    from candidate_keys
    where contact_key is not null and coalesce(email_key, phone_key) is not null

),

counted as (

    select
        world_id,
        key,
        count(*) as records
    from held
    group by world_id, key

),

{{ 'counted_now' if is_daily() else 'overloaded' }} as (

    select
        counted.world_id,
        counted.key,
        split_part(counted.key, ':', 1) as kind,
        counted.records,
        cast(newest.value as integer) as most_records
    from counted
    inner join newest on newest.place = 1
    where counted.records > cast(newest.value as integer)

)
{%- if is_daily() -%}
,

touched_links as (

    select * from {{ ref('touched_links') }}

),

standing as (

    select * from {{ source('standing', 'int_identity__overloaded_keys') }}

),

-- a daily build has all holders of the touched keys only; of every other key stands what was counted before
counts as (

    select counted_now.*, true as is_now from counted_now
    union all
    select standing.*, false as is_now from standing

),

linked as (

    select
        counts.*,
        case kind
            when 'contact' then key
            when 'email' then 'address:' || {{ address_base("substr(key, 7)") }}
            when 'phone' then 'address:' || split_part(substr(key, 7), '/', 1)
        end as link
    from counts

),

overloaded as (

    select
        linked.world_id,
        linked.key,
        linked.kind,
        linked.records,
        linked.most_records
    from linked
    left join touched_links on touched_links.link = linked.link
    where linked.is_now = (touched_links.link is not null)

)
{%- endif %}

select * from overloaded
