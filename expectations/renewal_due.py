"""Statements about the renewal list: who is on it may be asked today, and nobody who must be asked is missing."""

from great_expectations.expectations.metadata_types import FailureSeverity

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
