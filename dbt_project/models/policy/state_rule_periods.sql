-- R8: what the rules about the state say of a basis for a kind of recipient and a scope, in each period of moments asked
-- about: for how long an anchor carries (R2), whether activity anchors (R42), whether the basis matrix allows the basis
-- (R17-R19) and whether an approved balancing test under review covers the scope (R18).

with bases as (

    select * from {{ ref('bases') }}

),

months as (

    select * from {{ ref('policy_periods') }}
    where key = 'inactivity_months'

),

extends as (

    select * from {{ ref('policy_periods') }}
    where key = 'activity_extends'

),

matrix as (

    select * from {{ ref('basis_matrix_periods') }}

),

assessments as (

    select
        brands,
        channels,
        purposes,
        coalesce(approved_on, cast('9999-12-31' as date)) as valid_from,
        coalesce({{ add_days('review_due', 1) }}, cast('9999-12-31' as date)) as valid_until
    from {{ ref('legitimate_interest_assessments') }}
    where state = 'approved'

),

scopes as (

    select distinct channel, purpose, brand from {{ ref('world_scopes') }}

),

countries as (

    select country from {{ ref('policy_countries') }}
    union
    select '*'

),

recipient_forms as (

    select distinct recipient_form from matrix

),

kinds as (

    select
        bases.basis,
        bases.is_restorable as is_consent,
        countries.country,
        recipient_forms.recipient_form,
        scopes.channel,
        scopes.purpose,
        scopes.brand
    from bases
    cross join countries
    cross join recipient_forms
    cross join scopes

),

covering as (

    select
        scopes.channel,
        scopes.purpose,
        scopes.brand,
        assessments.valid_from,
        assessments.valid_until
    from scopes
    inner join assessments
        on
            {{ list_holds('assessments.channels', 'scopes.channel') }}
            and {{ list_holds('assessments.purposes', 'scopes.purpose') }}
            and {{ list_holds('assessments.brands', 'scopes.brand') }}

),

-- the days from which on something may be otherwise
boundaries as (

    {% for rule, columns, applies in [
        ('months', ['country', 'channel'], 'true'),
        ('extends', ['country', 'channel'], 'true'),
        ('matrix', ['basis', 'country', 'channel', 'recipient_form'], 'not kinds.is_consent'),
        ('covering', ['channel', 'purpose', 'brand'], "kinds.basis = 'legitimate_interest'"),
    ] %}
    {% set rule_loop = loop %}
    {% for end in ['valid_from', 'valid_until'] %}
    select kinds.*, {{ rule }}.{{ end }} as valid_from
    from kinds
    inner join {{ rule }}
        on
            {% for column in columns %}
            {{ "and " if not loop.first }}{{ rule }}.{{ column }} = kinds.{{ column }}
            {% endfor %}
    where {{ applies }} and {{ rule }}.{{ end }} < cast('9999-12-31' as date)
    {{ "union" if not (rule_loop.last and loop.last) }}
    {% endfor %}
    {% endfor %}

),

periods as (

    select
        *,
        lead(valid_from, 1, cast('9999-12-31' as date)) over (
            partition by basis, country, recipient_form, channel, purpose, brand order by valid_from
        ) as valid_until
    from boundaries

),

assessed as (

    select distinct
        periods.channel,
        periods.purpose,
        periods.brand,
        periods.valid_from
    from periods
    inner join covering
        on
            covering.channel = periods.channel
            and covering.purpose = periods.purpose
            and covering.brand = periods.brand
            and covering.valid_from <= periods.valid_from
            and covering.valid_until > periods.valid_from
    where periods.basis = 'legitimate_interest'

),

described as (

    select
        {{ key_of([
            'periods.basis', 'periods.country', 'periods.recipient_form', 'periods.channel', 'periods.purpose', 'periods.brand'
        ]) }} as rule_id,
        periods.basis,
        periods.country,
        periods.recipient_form,
        periods.channel,
        periods.purpose,
        periods.brand,
        cast(months.value as integer) as months,
        extends.value <> 'false' as is_extended_by_activity,
        periods.is_consent or coalesce(matrix.is_allowed, false) as is_allowed,
        periods.basis <> 'legitimate_interest' or assessed.channel is not null as is_assessed,
        case
            when periods.valid_from = cast('0001-01-01' as date) then {{ beginning() }}
            else {{ start_of_day('periods.valid_from') }}
        end as period_from,
        case
            when periods.valid_until = cast('9999-12-31' as date) then {{ forever() }}
            else {{ start_of_day('periods.valid_until') }}
        end as period_until
    from periods
    inner join months
        on
            months.country = periods.country
            and months.channel = periods.channel
            and months.valid_from <= periods.valid_from
            and months.valid_until > periods.valid_from
    inner join extends
        on
            extends.country = periods.country
            and extends.channel = periods.channel
            and extends.valid_from <= periods.valid_from
            and extends.valid_until > periods.valid_from
    left join matrix
        on
            matrix.basis = periods.basis
            and matrix.country = periods.country
            and matrix.channel = periods.channel
            and matrix.recipient_form = periods.recipient_form
            and matrix.valid_from <= periods.valid_from
            and matrix.valid_until > periods.valid_from
    left join assessed
        on
            assessed.channel = periods.channel
            and assessed.purpose = periods.purpose
            and assessed.brand = periods.brand
            and assessed.valid_from = periods.valid_from

)

select * from described
