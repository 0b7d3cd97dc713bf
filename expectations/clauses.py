"""Clauses that statements of several modules share."""


def policy_value(key: str, country: str, channel: str, day: str) -> str:
    """The value of the most specific row of policy in force on a day."""
    return f"""(
                select policy.value
                from registry.policy
                where
                    policy.key = '{key}'
                    and policy.country in ({country}, '*')
                    and policy.channel in ({channel}, '*')
                    and (policy.valid_from is null or policy.valid_from <= {day})
                    and (policy.valid_to is null or policy.valid_to >= {day})
                order by (policy.country <> '*') desc, (policy.channel <> '*') desc
                limit 1
            )"""


def acted_at(events: str) -> str:
    """When an event anchors: when it happened.

    A contact record without a moment of its own, or with one that is still to come, anchors at its receipt (R7, R18).
    """
    received_on = f"cast({events}.received_at at time zone 'Europe/Amsterdam' as date)"
    return f"""case
                    when
                        {events}.event_type = 'contact_upserted'
                        and (
                            {events}.occurred_at is null
                            or {events}.occurred_at > {events}.received_at + make_interval(mins => cast({
        policy_value("clock_skew_minutes", "'*'", "'*'", received_on)
    } as integer))
                        )
                        then {events}.received_at
                    else {events}.occurred_at
                end"""
