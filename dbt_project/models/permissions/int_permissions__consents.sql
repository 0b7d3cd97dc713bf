{{ config(cluster_by=['scope_id'], indexes=[{'columns': ['contact_id']}]) }}
-- R11-R15, R28, R31-R33: which scopes does a consent record ask for, and what is wrong with it, if anything?

with events as (

    select * from {{ ref('int_events__judged') }}
    where event_type in ('consent_given', 'consent_renewed') and broken_reason is null

),

resolved as (

    select * from {{ ref('int_identity__resolved') }}

),

scopes as (

    select * from {{ ref('world_scopes') }}

),

texts as (

    select * from {{ ref('consent_texts') }}

),

attributes as (

    select * from {{ ref('int_contacts__attributes') }}

),

births as (

    select * from {{ ref('int_permissions__births') }}

),

recalled as (

    select * from {{ ref('int_permissions__recalled') }}

),

about_persons as (

    select
        events.*,
        resolved.contact_id,
        attributes.country as contact_country
    from events
    inner join resolved on resolved.world_id = events.world_id and resolved.event_key = events.event_key
    left join attributes on attributes.world_id = resolved.world_id and attributes.contact_id = resolved.contact_id

),

-- a record that names no channel or purpose gets those of its text; where no text is known it is a candidate for all
candidates as (

    select
        events.world_id,
        events.event_key,
        events.event_type,
        events.source,
        events.record_id,
        events.effective_at,
        events.occurred_at,
        events.is_undated,
        events.quarantine_reason,
        events.party,
        events.source_kind,
        events.source_brand,
        events.is_registered,
        events.import_only,
        events.double_opt_in,
        events.allowed_bases,
        events.required_evidence,
        events.brand as named_brand,
        events.parental_ref,
        events.shows_way_in,
        events.method,
        events.text_version,
        events.form_url,
        events.ip,
        events.user_agent,
        events.recording_ref,
        events.document_ref,
        texts.valid_from as text_valid_from,
        texts.valid_to as text_valid_to,
        texts.state as text_state,
        texts.brands as text_brands,
        texts.channels as text_channels,
        texts.purposes as text_purposes,
        events.contact_id,
        events.contact_country,
        coalesce(events.country, events.default_country) as record_country,
        scopes.channel,
        scopes.purpose,
        scopes.brand,
        {{ carried_address('events', 'scopes.channel') }} as address
    from about_persons as events
    left join texts on texts.text_version = events.text_version
    inner join scopes
        on
            scopes.world_id = events.world_id
            and {{ carried_address('events', 'scopes.channel') }} is not null
            and (
                events.channel = scopes.channel
                or (
                    events.channel is null
                    and (texts.text_version is null or {{ list_holds('texts.channels', 'scopes.channel') }})
                )
            )
            and (
                events.purpose = scopes.purpose
                or (
                    events.purpose is null
                    and (texts.text_version is null or {{ list_holds('texts.purposes', 'scopes.purpose') }})
                )
            )
            and (coalesce(events.brand, events.source_brand, scopes.brand) = scopes.brand)

),

governed as (

    select
        candidates.*,
        {{ policy_country('coalesce(candidates.record_country, candidates.contact_country)') }} as policy_country,
        {{ local_date('candidates.effective_at') }} as effective_on
    from candidates

),

judged as (

    select
        governed.*,
        governed.double_opt_in or coalesce(double_opt_in_required.value = 'true', false) as needs_confirmation,
        {{ add_seconds('governed.occurred_at', '86400 * cast(lapse_days.value as numeric)') }} as confirmable_until,
        case
            when governed.quarantine_reason is not null then governed.quarantine_reason
            when governed.is_undated then 'undated_permission'
            when governed.import_only then 'import_never_grants'
            when not {{ list_holds("coalesce(governed.allowed_bases, '')", "'consent'") }} then 'basis_not_allowed'
        end as defect_of_source,
        concat_ws(
            '|',
            {%- for element in ['method', 'text_version'] %}
            case when coalesce(governed.{{ element }}, '') = '' then '{{ element }}' end,
            {%- endfor %}
            {%- for element in ['form_url', 'ip', 'user_agent', 'recording_ref', 'document_ref', 'parental_ref'] %}
            case
                when
                    {{ list_names("coalesce(governed.required_evidence, '')", "'" ~ element ~ "'") }}
                    and coalesce(governed.{{ element }}, '') = ''
                    then '{{ element }}'
            end{{ "," if not loop.last }}
            {%- endfor %}
        ) as lacking,
        case
            when
                governed.text_state is null
                or governed.effective_on < coalesce(governed.text_valid_from, governed.effective_on)
                or governed.effective_on > coalesce(governed.text_valid_to, governed.effective_on)
                then 'text_version_unknown'
            when governed.text_state <> 'valid' then 'text_version_invalid'
            when
                not {{ list_holds("coalesce(governed.text_channels, '')", 'governed.channel') }}
                or not {{ list_holds("coalesce(governed.text_purposes, '')", 'governed.purpose') }}
                or not {{ list_holds("coalesce(governed.text_brands, '')", 'governed.brand') }}
                or (
                    governed.party = 'vendor'
                    and not {{ list_names("coalesce(governed.text_brands, '')", 'governed.brand') }}
                )
                or coalesce(governed.named_brand, governed.source_brand) is null
                then 'scope_not_covered'
        end as defect_of_text,
        case
            when
                coalesce(governed.parental_ref, '') = ''
                and births.event_key is not null
                -- one without a readable year counts as younger
                and (
                    births.born_on is null
                    or {{ add_months('births.born_on', '12 * cast(minimum_age.value as integer)') }} > governed.effective_on
                )
                then 'minor'
        end as defect_of_person
    from governed
    left join births on births.world_id = governed.world_id and births.event_key = governed.event_key
    {{ join_policy(
        'double_opt_in_required', 'double_opt_in_required', 'governed.policy_country', 'governed.channel', 'governed.effective_on'
    ) }}
    {{ join_policy(
        'lapse_days', 'confirmation_lapse_days', 'governed.policy_country', 'governed.channel', 'governed.effective_on'
    ) }}
    {{ join_policy(
        'minimum_age', 'minimum_age', 'governed.policy_country', 'governed.channel', 'governed.effective_on'
    ) }}

),

assessed as (

    select
        {{ key_within('judged.contact_id', [
            'judged.world_id', 'judged.contact_id', 'judged.channel', 'judged.address', 'judged.purpose', 'judged.brand'
        ]) }} as scope_id,
        judged.world_id,
        judged.contact_id,
        judged.channel,
        judged.address,
        judged.purpose,
        judged.brand,
        judged.event_key,
        judged.event_type,
        judged.source,
        judged.record_id,
        judged.effective_at,
        coalesce(
            judged.defect_of_source,
            case when judged.lacking <> '' then 'evidence_incomplete' end,
            judged.defect_of_text,
            judged.defect_of_person
        ) as defect,
        judged.lacking,
        -- with what it lacks it would count, as far as can be told without a text
        judged.lacking <> ''
        and judged.defect_of_source is null
        and judged.defect_of_person is null
        and (judged.defect_of_text is null or coalesce(judged.text_version, '') = '') as is_curable,
        judged.needs_confirmation,
        judged.confirmable_until,
        recalled.revoked_at,
        -- what a program did restores nothing (R13)
        judged.party = 'first_party' and coalesce(judged.shows_way_in, true) as restores,
        judged.party = 'first_party' and judged.source_kind <> 'crm' and coalesce(judged.shows_way_in, true) as restores_erased
    from judged
    left join recalled on recalled.world_id = judged.world_id and recalled.event_key = judged.event_key

)

select * from assessed
