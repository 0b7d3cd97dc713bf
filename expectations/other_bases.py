"""Statements about what a basis other than consent rests on: each rule that can forbid it, judged from the events.

A soft opt-in rests on a sale (R17), a legitimate interest on a contact record, a notice and a balancing test (R18), a
published address on its publication (R19), and each of them on the basis matrix.
"""

from expectations.clauses import policy_value
from expectations.permissions import held, recalled
from expectations.statement import PolicyStatement

_CARRIED = (
    "case listed.channel when 'email' then received.email when 'post' then received.postal else received.phone end"
)
_LISTED = "listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.evidence_id"

# a source that may be relied on: its lead channel is cleared and allows the basis (R33)
_CLEARED = """inner join registry.sources as sources on sources.source = received.source
            inner join registry.lead_channels as lead_channels
                on
                    lead_channels.lead_channel = coalesce(received.lead_channel, sources.lead_channel)
                    and lead_channels.state = 'cleared'"""


def _unless(basis: str, fulfilled: str) -> str:
    """The listed rows of a basis for which a condition on event and registry does not hold.

    What names the row stands in the condition's `where` alone, so that it is planned as one join and not row by row.
    """
    return f"""
        select {_LISTED}
        from {{batch}} as listed
        cross join gate.current_run as run
        where
            listed.basis = '{basis}'
            and not exists ({fulfilled})
    """


class EverySoftOptInRestsOnASaleThatAllowsIt(PolicyStatement):
    """Every soft opt-in rests on an ordered sale of a similar product, by the brand, with an opt-out offered then.

    Of that contact and address, by a cleared lead channel that allows it, and not recalled.
    """

    relation = "candidate.marketable_contacts"
    rules = ("R17", "R32", "R33")
    by_contact = True
    unexpected_rows_query: str = _unless(
        "soft_opt_in",
        f"""
                select from candidate.consent_events as sales
                inner join intermediate.int_events__received as received
                    on received.event_key = sales.event_key and received.record_id = sales.record_id
                cross join registry.purposes as purposes
                {_CLEARED}
                where
                    purposes.purpose = listed.purpose
                    and sales.event_key = listed.evidence_id
                    and sales.contact_id = listed.contact_id
                    and sales.event_type = 'sale_completed'
                    and sales.occurred_at <= run.as_of
                    and sales.occurred_at is not null
                    and coalesce(received.order_id, '') <> ''
                    and received.opt_out_offered_at_collection
                    and {held("purposes.product_categories", "received.product_category")}
                    and {held("lead_channels.allowed_bases", "'soft_opt_in'")}
                    and sources.brand = listed.brand
                    and (received.brand = listed.brand) is not false
                    and (received.channel = listed.channel) is not false
                    and (received.purpose = listed.purpose) is not false
                    and {_CARRIED} = listed.address
                    and not {recalled("received")}
            """,
    )


class EveryLegitimateInterestIsAssessed(PolicyStatement):
    """Every legitimate interest is covered by a balancing test that is approved and not past its review."""

    relation = "candidate.marketable_contacts"
    rules = ("R18",)
    by_contact = True
    unexpected_rows_query: str = _unless(
        "legitimate_interest",
        f"""
                select from registry.legitimate_interest_assessments as assessments
                where
                    assessments.lia_ref = listed.lia_ref
                    and assessments.state = 'approved'
                    and assessments.approved_on <= run.decided_on
                    and (assessments.review_due is null or assessments.review_due >= run.decided_on)
                    and {held("assessments.brands", "listed.brand")}
                    and {held("assessments.channels", "listed.channel")}
                    and {held("assessments.purposes", "listed.purpose")}
            """,
    )


class EveryLegitimateInterestWasToldInTime(PolicyStatement):
    """Every legitimate interest rests on a record of which the person was told, of a vendor's within its time."""

    relation = "candidate.marketable_contacts"
    rules = ("R18", "R32", "R33")
    by_contact = True
    unexpected_rows_query: str = _unless(
        "legitimate_interest",
        f"""
                select from candidate.consent_events as notices
                inner join candidate.consent_events as records
                    on
                        records.contact_id = notices.contact_id
                        and records.event_type in ('contact_upserted', 'sale_completed')
                        and coalesce(least(records.occurred_at, records.received_at), records.received_at) <= run.as_of
                inner join intermediate.int_events__received as received
                    on received.event_key = records.event_key and received.record_id = records.record_id
                {_CLEARED}
                left join candidate.contacts as contacts on contacts.contact_id = records.contact_id
                where
                    notices.event_key = listed.evidence_id
                    and notices.contact_id = listed.contact_id
                    and notices.event_type = 'notice_given'
                    and notices.occurred_at is not null
                    and notices.occurred_at <= run.as_of
                    and (records.event_type <> 'sale_completed' or records.occurred_at is not null)
                    and {held("lead_channels.allowed_bases", "'legitimate_interest'")}
                    and sources.brand = listed.brand
                    and (received.brand = listed.brand) is not false
                    and {_CARRIED} = listed.address
                    and (
                        sources.party <> 'vendor'
                        or cast(notices.occurred_at at time zone 'Europe/Amsterdam' as date)
                        <= cast(received.received_at at time zone 'Europe/Amsterdam' as date)
                        + make_interval(months => cast({
            policy_value(
                "art14_months",
                "coalesce(received.country, received.default_country, contacts.country)",
                "listed.channel",
                "cast(coalesce(records.occurred_at, records.received_at) at time zone 'Europe/Amsterdam' as date)",
            )
        } as integer))
                    )
                    and not {recalled("received")}
            """,
    )


class EveryPublishedAddressWasMadeKnownForItsUse(PolicyStatement):
    """Every published address rests on a publication, kept with its address, whose stated use covers the purpose."""

    relation = "candidate.marketable_contacts"
    rules = ("R19", "R32", "R33")
    by_contact = True
    unexpected_rows_query: str = _unless(
        "published_address",
        f"""
                select from candidate.consent_events as publications
                inner join intermediate.int_events__received as received
                    on received.event_key = publications.event_key and received.record_id = publications.record_id
                {_CLEARED}
                where
                    publications.event_key = listed.evidence_id
                    and publications.contact_id = listed.contact_id
                    and publications.event_type = 'address_published'
                    and publications.occurred_at is not null
                    and publications.occurred_at <= run.as_of
                    and coalesce(received.publication_url, '') <> ''
                    and coalesce(received.publication_snapshot, '') <> ''
                    and '|' || received.published_purposes || '|' like '%|' || listed.purpose || '|%'
                    and {held("lead_channels.allowed_bases", "'published_address'")}
                    and coalesce(received.brand, sources.brand) = listed.brand
                    and (received.channel = listed.channel) is not false
                    and (received.purpose = listed.purpose) is not false
                    and {_CARRIED} = listed.address
                    and not {recalled("received")}
            """,
    )


class EveryOtherBasisIsAllowedByTheMatrix(PolicyStatement):
    """Every basis but consent is allowed for country, channel and recipient form by the most specific row in force."""

    relation = "candidate.marketable_contacts"
    rules = ("R17", "R18", "R19")
    by_contact = True
    unexpected_rows_query: str = f"""
        select {_LISTED}, listed.basis
        from {{batch}} as listed
        cross join gate.current_run as run
        left join candidate.contacts as contacts on contacts.contact_id = listed.contact_id
        where
            listed.basis <> 'consent'
            and (
                select matrix.allowed
                from registry.basis_matrix as matrix
                where
                    matrix.basis = listed.basis
                    and matrix.country in (contacts.country, '*')
                    and matrix.recipient_form in (contacts.recipient_form, '*')
                    and matrix.channel in (listed.channel, '*')
                    and (matrix.valid_from is null or matrix.valid_from <= run.decided_on)
                    and (matrix.valid_to is null or matrix.valid_to >= run.decided_on)
                order by (matrix.country <> '*') desc, (matrix.recipient_form <> '*') desc, (matrix.channel <> '*') desc
                limit 1
            ) is not true
    """
