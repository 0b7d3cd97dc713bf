-- R13: that a record vanished is no event, and what it permits stands; the privacy officer sees it here.

with listings as (

    select * from {{ ref('stg_landing__listings') }}

),

listed as (

    select * from {{ ref('stg_landing__listed') }}

),

builds as (

    select * from {{ ref('builds') }}

),

judged as {{ read_each_time() }} (

    select * from {{ ref('int_events__judged') }}
    where source_contact_id is not null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

marketable as (

    select * from {{ ref('marketable_contacts') }}

),

-- the last whole listing of each source
last_listings as (

    select
        listings.listing_id,
        listings.source,
        listings.started_at,
        row_number() over (partition by listings.source order by listings.started_at desc) as place
    from listings
    inner join builds on builds.known_at >= listings.ended_at

),

-- what a record of a contact says of it; what others say of the contact shows nothing of the record
told as (

    select
        judged.source,
        judged.source_contact_id,
        last_listings.listing_id,
        last_listings.started_at as listed_from,
        max(judged.received_at) as last_received_at,
        max(resolved.contact_id) as contact_id
    from judged
    inner join last_listings on last_listings.source = judged.source and last_listings.place = 1
    inner join resolved on resolved.world_id = judged.world_id and resolved.event_key = judged.event_key
    where judged.event_type = 'contact_upserted'
    group by judged.source, judged.source_contact_id, last_listings.listing_id, last_listings.started_at

),

-- a merge explains where the record went
merged as (

    select distinct
        refers_to_source as source,
        refers_to_source_contact_id as source_contact_id
    from judged
    where event_type = 'contacts_merged'

),

erasures as (

    select distinct
        source,
        source_contact_id
    from judged
    where event_type = 'erasure_requested'

),

vanished as (

    select
        told.source,
        told.source_contact_id,
        told.contact_id,
        told.last_received_at,
        told.listed_from as missing_since
    from told
    left join listed
        on listed.listing_id = told.listing_id and listed.source_id = told.source_contact_id
    left join merged
        on merged.source = told.source and merged.source_contact_id = told.source_contact_id
    where
        told.last_received_at < told.listed_from
        and listed.source_id is null
        and merged.source_contact_id is null

),

-- what rests on a record that the source no longer shows
permitted as (

    select
        vanished.source,
        vanished.source_contact_id,
        count(*) as permitted_scopes,
        {{ sorted_list("marketable.channel || '/' || marketable.purpose || '/' || marketable.brand") }} as permits,
        max(marketable.expires_on) as expires_on
    from vanished
    inner join judged
        on judged.source = vanished.source and judged.source_contact_id = vanished.source_contact_id
    inner join marketable on marketable.evidence_id = judged.event_key
    group by vanished.source, vanished.source_contact_id

),

vanished_contacts as (

    select
        vanished.source,
        vanished.source_contact_id,
        vanished.contact_id,
        vanished.last_received_at,
        vanished.missing_since,
        erasures.source_contact_id is not null as is_erasure_requested,
        coalesce(permitted.permitted_scopes, 0) as permitted_scopes,
        permitted.permits,
        permitted.expires_on
    from vanished
    left join erasures
        on erasures.source = vanished.source and erasures.source_contact_id = vanished.source_contact_id
    left join permitted
        on permitted.source = vanished.source and permitted.source_contact_id = vanished.source_contact_id

)

select * from vanished_contacts
