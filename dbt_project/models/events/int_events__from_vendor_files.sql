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
    'source_contact_id', 'country', 'recipient_form'] %}
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
        bool_and(day_first) as day_first
    from vendor_file_formats
    group by source

),

-- dates as people of the vendor's country write them: 31-08-2026 14:05, 31 augustus 2026
dated as (

    select
        pivoted.*,
        {{ matched_parts(
            'lower(pivoted.occurred_text)',
            '^(\\d{1,2})[-/. ](\\d{1,2}|[a-z]+)[-/. ](\\d{4})(?:[ t,]+(\\d{1,2}):(\\d{2})(?::(\\d{2}))?)?$'
        ) }} as parts,
        coalesce(formats.day_first, true) as day_first,
        delivered.source,
        delivered.row_id,
        delivered.batch,
        delivered.payload_digest,
        delivered.received_at
    from pivoted
    inner join delivered on delivered.record_id = pivoted.record_id
    left join formats on formats.source = delivered.source

),

numbered as (

    select
        *,
        case substr(parts[2], 1, 3)
            when 'jan' then '1'
            when 'feb' then '2'
            when 'maa' then '3'
            when 'mrt' then '3'
            when 'mar' then '3'
            when 'apr' then '4'
            when 'mei' then '5'
            when 'may' then '5'
            when 'jun' then '6'
            when 'jul' then '7'
            when 'aug' then '8'
            when 'sep' then '9'
            when 'okt' then '10'
            when 'oct' then '10'
            when 'nov' then '11'
            when 'dec' then '12'
            else case when parts[2] ~ '^\d+$' then parts[2] end
        end as second_part
    from dated

),

spelled as (

    select
        *,
        case
            when parts is null then occurred_text
            else
                parts[3] || '-'
                || lpad(case when day_first or parts[2] ~ '^[a-z]' then second_part else parts[1] end, 2, '0') || '-'
                || lpad(case when day_first or parts[2] ~ '^[a-z]' then parts[1] else second_part end, 2, '0')
                || coalesce(' ' || lpad(parts[4], 2, '0') || ':' || parts[5] || ':' || coalesce(parts[6], '00'), '')
        end as iso_text
    from numbered

),

events as (

    select
        {% set expressions = {
            'source': 'spelled.source',
            'event_id': 'spelled.row_id',
            'event_type': "coalesce(spelled.event_type, 'contact_upserted')",
            'record_id': 'spelled.record_id',
            'payload_digest': 'spelled.payload_digest',
            'received_at': 'spelled.received_at',
            'occurred_text': 'spelled.iso_text',
            'batch': 'spelled.batch',
            'source_contact_id': 'coalesce(spelled.source_contact_id, spelled.event_id)',
            'country': "upper(spelled.country)",
            'recipient_form': 'legal_forms.recipient_form'
        } %}
        {%- for field in mapped %}{% do expressions.update({field: 'spelled.' ~ field}) %}{% endfor %}
        {{ canonical_event_columns(expressions) }}
    from spelled
    left join legal_forms on legal_forms.legal_form = lower(btrim(spelled.recipient_form))

)

select * from events
