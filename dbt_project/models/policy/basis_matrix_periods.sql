-- R17-R19: whether a basis is allowed, for every country, channel and recipient form, in each period: the most specific
-- row in force has won, country before recipient form before channel. Where no row is in force there is no period.

with basis_matrix as (

    select
        country,
        channel,
        recipient_form,
        basis,
        allowed,
        coalesce(valid_from, cast('0001-01-01' as date)) as valid_from,
        coalesce({{ add_days('valid_to', 1) }}, cast('9999-12-31' as date)) as valid_until
    from {{ ref('basis_matrix') }}

),

countries as (

    select country from {{ ref('policy_countries') }}
    union
    select '*'

),

channels as (

    select channel from (values ('email'), ('phone'), ('sms'), ('post')) as channels (channel)

),

recipient_forms as (

    select recipient_form from (
        values ('natural_person'), ('sole_trader'), ('partnership'), ('legal_entity')
    ) as recipient_forms (recipient_form)

),

applicable as (

    select
        basis_matrix.basis,
        countries.country,
        channels.channel,
        recipient_forms.recipient_form,
        basis_matrix.allowed,
        basis_matrix.valid_from,
        basis_matrix.valid_until,
        case when basis_matrix.country = '*' then 0 else 4 end
        + case when basis_matrix.recipient_form = '*' then 0 else 2 end
        + case when basis_matrix.channel = '*' then 0 else 1 end as specificity
    from basis_matrix
    inner join countries on basis_matrix.country in (countries.country, '*')
    inner join channels on basis_matrix.channel in (channels.channel, '*')
    inner join recipient_forms on basis_matrix.recipient_form in (recipient_forms.recipient_form, '*')

),

boundaries as (

    select basis, country, channel, recipient_form, valid_from as boundary from applicable
    union
    select basis, country, channel, recipient_form, valid_until as boundary from applicable

),

periods as (

    select
        basis,
        country,
        channel,
        recipient_form,
        boundary as valid_from,
        lead(boundary) over (partition by basis, country, channel, recipient_form order by boundary) as valid_until
    from boundaries

),

ranked as (

    select
        periods.*,
        applicable.allowed,
        row_number() over (
            partition by periods.basis, periods.country, periods.channel, periods.recipient_form, periods.valid_from
            -- of two rows alike the one that forbids
            order by applicable.specificity desc, case when applicable.allowed then 1 else 0 end
        ) as rank
    from periods
    inner join applicable
        on
            applicable.basis = periods.basis
            and applicable.country = periods.country
            and applicable.channel = periods.channel
            and applicable.recipient_form = periods.recipient_form
            and applicable.valid_from <= periods.valid_from
            and applicable.valid_until >= periods.valid_until

),

in_force as (

    select
        basis,
        country,
        channel,
        recipient_form,
        allowed as is_allowed,
        valid_from,
        valid_until
    from ranked
    where rank = 1

)

select * from in_force
