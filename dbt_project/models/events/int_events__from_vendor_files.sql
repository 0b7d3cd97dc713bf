-- A vendor's rows as canonical events, by the columns that the registry maps.

with delivered as (

    select * from {{ ref('stg_vendor_files__rows') }}

),

vendor_columns as (

    select * from {{ ref('vendor_columns') }}

),

vendor_file_formats as (

    select * from {{ ref('vendor_file_formats') }}

),

legal_forms as (

    select * from {{ ref('legal_forms') }}

),

cells as (

    select
        delivered.record_id,
        vendor_columns.field,
        nullif(btrim(cells.cell), '') as cell
    from delivered
    cross join {{ json_cells('delivered.delivered_row') }}
    inner join vendor_columns
        on
            vendor_columns.source = delivered.source
            and lower(btrim(vendor_columns.column_name)) = lower(btrim(cells.name))

    union all

    select
        delivered.record_id,
        vendor_columns.field,
        vendor_columns.constant as cell
    from delivered
    inner join vendor_columns on vendor_columns.source = delivered.source and vendor_columns.constant is not null

),

{%- set derived = ['source', 'record_id', 'payload_digest', 'received_at', 'batch', 'event_id', 'event_type', 'occurred_text',
    'source_contact_id', 'country', 'default_country', 'recipient_form'] %}
{%- set mapped = canonical_event_types() | rejectattr(0, 'in', derived) | map(attribute=0) | list %}

pivoted as (

    select
        record_id,
        {%- for field in ['event_id', 'event_type', 'source_contact_id', 'occurred_text', 'country', 'recipient_form'] + mapped %}
        max(case when field = '{{ field }}' then cell end) as {{ field }}{{ "," if not loop.last }}
        {%- endfor %}
    from cells
    group by record_id

),

formats as (

    select
        source,
        file_pattern,
        day_first,
        coalesce(btrim(lead_channel), '') as lead_channel,
        nullif(upper(btrim(default_country)), '') as default_country
    from vendor_file_formats

),

-- What all kinds of files of a source have in common holds for a row whose kind the registry does not name.
common_formats as (

    select
        source,
        case when count(distinct day_first) = 1 then bool_and(day_first) end as day_first,
        -- no lead channel is called so, and such a row is not cleared (R33)
        case when count(distinct lead_channel) = 1 then max(lead_channel) else 'unknown_kind_of_file' end as lead_channel,
        case
            when count(distinct coalesce(default_country, '')) = 1 then max(default_country)
        end as default_country
    from formats
    group by source

),

{%- set time_of_day = '(?:[ t,]+(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,]\\d+)?)?)?' %}

-- dates as people of the vendor's country write them (31-08-2026 14:05, 31 augustus 2026), or with the year first
dated as (

    select
        pivoted.*,
        {{ matched_parts(
            'lower(pivoted.occurred_text)', '^(\\d{1,2}|[a-z]+)[-/. ]+(\\d{1,2}|[a-z]+)[-/., ]+(\\d{4})' ~ time_of_day ~ '$'
        ) }} as parts,
        {{ matched_parts(
            'lower(pivoted.occurred_text)',
            '^(\\d{4})[-/.](\\d{1,2})[-/.](\\d{1,2})' ~ time_of_day ~ ' ?(z|[+-]\\d{2}:?\\d{2})?$'
        ) }} as year_first_parts,
        coalesce(formats.day_first, common_formats.day_first) as day_first,
        nullif(coalesce(formats.lead_channel, common_formats.lead_channel), '') as delivered_lead_channel,
        case
            when formats.source is not null then formats.default_country else common_formats.default_country
        end as default_country,
        delivered.source,
        delivered.row_id,
        delivered.batch,
        delivered.payload_digest,
        delivered.received_at
    from pivoted
    inner join delivered on delivered.record_id = pivoted.record_id
    left join formats on formats.source = delivered.source and formats.file_pattern = delivered.file_pattern
    left join common_formats on common_formats.source = delivered.source

),

ordered as (

    select
        *,
        case
            when day_first or parts[2] ~ '^[a-z]' then parts[1]
            when not day_first or parts[1] ~ '^[a-z]' then parts[2]
        end as day_part,
        case
            when day_first or parts[2] ~ '^[a-z]' then parts[2]
            when not day_first or parts[1] ~ '^[a-z]' then parts[1]
        end as month_part
    from dated

),

{%- set months = [
    ('jan', 'januari', 'january'), ('feb', 'februari', 'february'), ('mrt', 'maart', 'mar', 'march'),
    ('apr', 'april'), ('mei', 'may'), ('jun', 'juni', 'june'), ('jul', 'juli', 'july'),
    ('aug', 'augustus', 'august'), ('sep', 'sept', 'september'), ('okt', 'oktober', 'oct', 'october'),
    ('nov', 'november'), ('dec', 'december')
] %}

spelled as (

    select
        *,
        case
            when year_first_parts is not null
                then
                    year_first_parts[1] || '-' || lpad(year_first_parts[2], 2, '0')
                    || '-' || lpad(year_first_parts[3], 2, '0')
                    || coalesce(
                        ' ' || lpad(year_first_parts[4], 2, '0') || ':' || year_first_parts[5]
                        || ':' || coalesce(year_first_parts[6], '00') || coalesce(upper(year_first_parts[7]), ''), ''
                    )
            -- a month that no one knows by this name leaves nothing, and so an undated row
            when day_part ~ '^\d+$'
                then
                    parts[3] || '-'
                    || case month_part
                        {%- for names in months %}
                        {%- set number = '%02d' % loop.index %}
                        {%- for name in names %}
                        when '{{ name }}' then '{{ number }}'
                        {%- endfor %}
                        {%- endfor %}
                        else case when month_part ~ '^\d+$' then lpad(month_part, 2, '0') end
                    end
                    || '-' || lpad(day_part, 2, '0')
                    || coalesce(' ' || lpad(parts[4], 2, '0') || ':' || parts[5] || ':' || coalesce(parts[6], '00'), '')
        end as iso_text
    from ordered

),

events as (

    select
        spelled.source,
        spelled.row_id as event_id,
        coalesce(
            spelled.event_type,
            case
                when spelled.text_version is not null or spelled.occurred_text is not null then 'consent_given'
                else 'contact_upserted'
            end
        ) as event_type,
        spelled.record_id,
        spelled.payload_digest,
        spelled.received_at,
        case when {{ wall_clock_or_null('spelled.iso_text') }} is not null then spelled.iso_text end as occurred_text,
        coalesce(spelled.lead_channel, spelled.delivered_lead_channel) as lead_channel,
        spelled.batch,
        coalesce(spelled.source_contact_id, spelled.event_id) as source_contact_id,
        spelled.country,
        spelled.default_country,
        legal_forms.recipient_form
        {%- for field, type in canonical_event_types() if field in mapped and field != 'lead_channel' %},
        {{ typed_or_null('spelled.' ~ field, type) }} as {{ field }}
        {%- endfor %}
    from spelled
    left join legal_forms on legal_forms.legal_form = lower(btrim(spelled.recipient_form))

)

select * from events
