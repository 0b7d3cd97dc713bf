"""Statements about the decisions themselves: that they add up, and that their dates can be counted again."""

from expectations.clauses import acted_at, policy_value
from expectations.statement import PolicyStatement

_SAME = " and ".join(
    f"half.{column} = decisions.{column}" for column in ("contact_id", "address", "channel", "purpose", "brand")
)


class TheHalvesOfTheDecisionsAddUp(PolicyStatement):
    """Every decision stands in the half that it belongs to, and in no other; neither half holds anything else."""

    relation = "candidate.decisions"
    rules = ("R8",)
    by_contact = True
    unexpected_rows_query: str = f"""
        with halves as (
            select contact_id, address, channel, purpose, brand, status, true as marketable
            from candidate.marketable_contacts
            union all
            select contact_id, address, channel, purpose, brand, status, false as marketable
            from candidate.suppressions
        )

        select
            coalesce(half.contact_id, decisions.contact_id) as contact_id,
            coalesce(half.channel, decisions.channel) as channel,
            coalesce(half.purpose, decisions.purpose) as purpose,
            coalesce(half.brand, decisions.brand) as brand,
            decisions.marketable as decided,
            half.marketable as listed
        from {{batch}} as decisions
        full join halves as half on {_SAME}
        where
            half.marketable is distinct from decisions.marketable
            or half.status is distinct from decisions.status
    """


class EveryExpiryCountsFromItsAnchor(PolicyStatement):
    """Every last day lies the months of policy after the day of the act that it names, and the contact did that act."""

    relation = "candidate.decisions"
    rules = ("R2", "R3", "R22", "R42")
    by_contact = True
    unexpected_rows_query: str = f"""
        with marketable as (
            select
                decisions.*,
                contacts.country,
                events.contact_id as acted_by,
                {acted_at("events")} as acted_at
            from {{batch}} as decisions
            inner join candidate.contacts on contacts.contact_id = decisions.contact_id
            left join candidate.consent_events as events on events.event_key = decisions.anchored_by
            where decisions.marketable
        ),

        counted as (
            select
                marketable.*,
                cast(
                    marketable.anchored_on
                    + make_interval(months => cast({
        policy_value("inactivity_months", "marketable.country", "marketable.channel", "marketable.decided_on")
    } as integer)) as date
                ) as counted_on
            from marketable
        )

        select contact_id, channel, purpose, brand, evidence_id, anchored_by, anchored_on, expires_on, counted_on
        from counted
        where
            counted_on is distinct from expires_on
            or acted_by is distinct from contact_id
            or cast(acted_at at time zone 'Europe/Amsterdam' as date) is distinct from anchored_on
    """
