{{ config(cluster_by=['contact_id'], indexes=[{'columns': ['address']}]) }}

with points as (

    select * from {{ ref('int_contacts__points') }}

),

builds as (

    select * from {{ ref('builds') }}

),

standing as (

    select * from {{ ref('int_restrictions__standing') }}
    where kind = 'block'

),

unusable as (

    select distinct
        standing.contact_id,
        standing.channel,
        standing.address
    from standing
    cross join builds
    where standing.at <= builds.as_of and standing.until > builds.as_of

),

contact_points as (

    select
        points.contact_id,
        points.channel,
        points.address,
        points.is_role_address,
        unusable.contact_id is null as is_usable
    from points
    left join unusable
        on
            unusable.contact_id = points.contact_id
            and unusable.channel = points.channel
            and unusable.address = points.address

)

select * from contact_points
