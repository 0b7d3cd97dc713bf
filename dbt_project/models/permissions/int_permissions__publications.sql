-- R19: for which scopes was a business address made known, and what is wrong with the evidence, if anything, but the basis
-- matrix, which is asked for the moment of the question?

with events as (

    select * from {{ ref('int_events__judged') }}
    where event_type = 'address_published' and broken_reason is null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

recalled as (

    select * from {{ ref('int_permissions__recalled') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

-- a publication asks for this basis itself, in any country; on a channel that it can never be for it says nothing
publishable as (

    select distinct channel from {{ ref('basis_matrix_periods') }}
    where basis = 'published_address' and is_allowed

),

published as (

    select
        events.*,
        resolved.contact_id
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key

),

publications as (

    select
        {{ key_within('published.contact_id', [
            'published.world_id', 'published.contact_id', 'scopes.channel', carried_address('published', 'scopes.channel'),
            'scopes.purpose', 'scopes.brand'
        ]) }} as scope_id,
        published.world_id,
        published.contact_id,
        scopes.channel,
        {{ carried_address('published', 'scopes.channel') }} as address,
        scopes.purpose,
        scopes.brand,
        published.event_key,
        published.record_id,
        published.effective_at,
        recalled.revoked_at,
        case
            when published.quarantine_reason is not null then published.quarantine_reason
            when published.is_undated then 'undated_permission'
            when
                not {{ list_holds("coalesce(published.allowed_bases, '')", "'published_address'") }}
                then 'basis_not_allowed'
            when
                coalesce(published.publication_url, '') = '' or coalesce(published.publication_snapshot, '') = ''
                then 'evidence_incomplete'
            when
                not {{ list_names("coalesce(published.published_purposes, '')", 'scopes.purpose') }}
                then 'scope_not_covered'
        end as defect
    from published
    inner join scopes
        on
            scopes.world_id = published.world_id
            and {{ carried_address('published', 'scopes.channel') }} is not null
            and coalesce(published.channel, scopes.channel) = scopes.channel
            and coalesce(published.purpose, scopes.purpose) = scopes.purpose
            and coalesce(published.brand, published.source_brand, scopes.brand) = scopes.brand
    inner join publishable on publishable.channel = scopes.channel
    left join recalled on recalled.world_id = published.world_id and recalled.event_key = published.event_key

)

select * from publications
