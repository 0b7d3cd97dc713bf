"""Statements about the renewal list: who is on it may be asked today, and nobody who must be asked is missing."""

from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.clauses import policy_value
from expectations.statement import PolicyStatement


class EveryRenewalDueRowIsMarketable(PolicyStatement):
    """Everyone on the renewal list is marketable there, on the basis, evidence and expiry that the list states."""

    relation = "candidate.renewal_due"
    rules = ("R5",)
    unexpected_rows_query: str = """
        select due.contact_id, due.channel, due.purpose, due.brand, due.evidence_id, due.expires_on
        from {batch} as due
        left join candidate.marketable_contacts as marketable
            on
                marketable.contact_id = due.contact_id
                and marketable.address = due.address
                and marketable.channel = due.channel
                and marketable.purpose = due.purpose
                and marketable.brand = due.brand
                and marketable.basis = due.basis
                and marketable.evidence_id = due.evidence_id
                and marketable.expires_on = due.expires_on
        where marketable.contact_id is null
    """


class EveryRenewalDueRowLiesInItsWindow(PolicyStatement):
    """Everyone on the renewal list is asked from the day that renewal falls due through the last day, and not after."""

    relation = "candidate.renewal_due"
    rules = ("R1", "R5")
    unexpected_rows_query: str = """
        select due.contact_id, due.channel, due.purpose, due.brand, due.evidence_id, due.expires_on, due.days_left
        from {batch} as due
        cross join gate.current_run as run
        left join candidate.marketable_contacts as marketable
            on
                marketable.contact_id = due.contact_id
                and marketable.address = due.address
                and marketable.channel = due.channel
                and marketable.purpose = due.purpose
                and marketable.brand = due.brand
        where
            (run.decided_on between marketable.renewal_due_on and due.expires_on) is not true
            or due.days_left is distinct from due.expires_on - run.decided_on
    """


class EveryoneWhoseRenewalIsDueIsOnTheList(PolicyStatement):
    """Everyone marketable whose renewal is due today is on the renewal list; who is forgotten lapses unasked."""

    relation = "candidate.marketable_contacts"
    rules = ("R5",)
    unexpected_rows_query: str = """
        select marketable.contact_id, marketable.channel, marketable.purpose, marketable.brand, marketable.expires_on
        from {batch} as marketable
        cross join gate.current_run as run
        where
            run.decided_on between marketable.renewal_due_on and marketable.expires_on
            and not exists (
                select from candidate.renewal_due as due
                where
                    due.contact_id = marketable.contact_id
                    and due.address = marketable.address
                    and due.channel = marketable.channel
                    and due.purpose = marketable.purpose
                    and due.brand = marketable.brand
            )
    """


class NoRenewalIsAskedTwice(PolicyStatement):
    """No contact point is on the renewal list twice for the same channel, purpose and brand."""

    relation = "candidate.renewal_due"
    unexpected_rows_query: str = """
        select due.contact_id, due.channel, due.purpose, due.brand, count(*) as rows_listed
        from {batch} as due
        cross join gate.current_run as run
        group by due.contact_id, due.address, due.channel, due.purpose, due.brand
        having count(*) > 1
    """


class NobodyIsAskedAgainWithinTheSpacing(PolicyStatement):
    """Nobody whom an earlier list or a source's request asked within the policy's days is invited again.

    Looked up anew in what was delivered and received, and not in the model that stages the list.
    """

    relation = "candidate.renewal_due"
    rules = ("R5",)
    unexpected_rows_query: str = f"""
        with asked as (
            select channel, address, purpose, brand, list_date as asked_on from raw.delivered_renewals
            union all
            select
                scopes.channel,
                scopes.address,
                events.purpose,
                coalesce(events.brand, sources.brand) as brand,
                cast(
                    coalesce(events.occurred_at, events.received_at) at time zone 'Europe/Amsterdam' as date
                ) as asked_on
            from candidate.consent_events as events
            inner join intermediate.int_events__received as received
                on received.record_id = events.record_id and received.event_key = events.event_key
            left join registry.sources as sources on sources.source = events.source
            cross join lateral (
                values
                ('email', received.email), ('phone', received.phone), ('sms', received.phone), ('post', received.postal)
            ) as scopes (channel, address)
            where
                events.event_type = 'consent_requested'
                and not events.is_superseded
                and coalesce(events.channel, scopes.channel) = scopes.channel
        )
        select due.contact_id, due.channel, due.purpose, due.brand, due.stage, max(asked.asked_on) as asked_on
        from {{batch}} as due
        cross join gate.current_run as run
        inner join candidate.contacts as contacts on contacts.contact_id = due.contact_id
        inner join asked
            on
                asked.channel = due.channel
                and asked.address = due.address
                and coalesce(asked.purpose, due.purpose) = due.purpose
                and coalesce(asked.brand, due.brand) = due.brand
                and asked.asked_on > due.anchored_on
                and asked.asked_on < run.decided_on
                and asked.asked_on + cast({
        policy_value("renewal_request_spacing_days", "contacts.country", "due.channel", "run.decided_on")
    } as integer) > run.decided_on
        where due.stage <> 'asked_waiting'
        group by due.contact_id, due.address, due.channel, due.purpose, due.brand, due.stage
    """


class NoAddressIsAskedOnBehalfOfTwoContacts(PolicyStatement):
    """No address is on the renewal list for two contacts at once.

    No more than a warning: families and shared boxes do have one address, and each of them consented.
    """

    relation = "candidate.renewal_due"
    rules = ("R35",)
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        select
            min(due.contact_id) as contact_id,
            max(due.contact_id) as other_contact_id,
            due.channel,
            due.purpose,
            due.brand,
            count(*) as rows_listed
        from {batch} as due
        cross join gate.current_run as run
        group by due.address, due.channel, due.purpose, due.brand
        having count(distinct due.contact_id) > 1
    """
