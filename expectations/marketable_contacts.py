"""Statements about who may be marketed to, judged again from the events, the suppressions and the timeline.

None of them asks how `marketable_contacts` was computed: each looks for what would make a row unlawful.
"""

from expectations.clauses import acted_at
from expectations.statement import PolicyStatement


def _violators(event_types: str, *, channel: str, purpose: str, brand: str, restorable: bool = True) -> str:
    """The rows of a list whose contact restricted their scope, and did not consent again since.

    A restriction counts from when it happened, or from its receipt where it is undated or claims a moment
    that is still to come by more than the clock skew of policy (R7). Only consent can come back after one (R23).
    """
    restored = (
        "and (listed.basis is distinct from 'consent' or evidence.occurred_at is null"
        " or restrictions.at >= evidence.occurred_at)"
        if restorable
        else ""
    )
    return f"""
        with restrictions as (
            select
                events.event_key,
                events.contact_id,
                {channel} as channel,
                {purpose} as purpose,
                {brand} as brand,
                case
                    when events.occurred_at is null or events.occurred_at > events.received_at + skew.allowed
                        then events.received_at
                    else events.occurred_at
                end as at
            from candidate.consent_events as events
            cross join (
                select make_interval(secs => coalesce(max(60 * cast(value as double precision)), 0)) as allowed
                from registry.policy
                where key = 'clock_skew_minutes'
            ) as skew
            where events.event_type in ({event_types})
        )

        select
            listed.contact_id,
            listed.channel,
            listed.purpose,
            listed.brand,
            listed.evidence_id,
            min(restrictions.event_key) as restriction_id
        from {{batch}} as listed
        cross join gate.current_run as run
        inner join restrictions on restrictions.contact_id = listed.contact_id
        left join candidate.consent_events as evidence on evidence.event_key = listed.evidence_id
        where
            restrictions.at <= run.as_of
            and coalesce(restrictions.channel, listed.channel) = listed.channel
            and coalesce(restrictions.purpose, listed.purpose) = listed.purpose
            and coalesce(restrictions.brand, listed.brand) = listed.brand
            {restored}
        group by
            listed.contact_id, listed.address, listed.channel, listed.purpose, listed.brand, listed.evidence_id
    """


# a scope that nobody can read is all (R27)
CHANNEL = "case when lower(events.channel) in ('email', 'phone', 'sms', 'post') then lower(events.channel) end"
SCOPED = {
    "channel": CHANNEL,
    "purpose": "(select purpose from registry.purposes where purpose = lower(events.purpose))",
    "brand": "(select min(brand) from registry.sources where lower(brand) = lower(events.brand))",
}
_EVERYTHING = {"channel": "cast(null as text)", "purpose": "cast(null as text)", "brand": "cast(null as text)"}
_WHOLE_CHANNEL = _EVERYTHING | {"channel": f"case when events.channel is null then 'email' else {CHANNEL} end"}


class EveryMarketableContactHasADocumentedBasis(PolicyStatement):
    """Every marketable contact has a basis that can permit marketing, and names the event that proves it."""

    relation = "candidate.marketable_contacts"
    rules = ("R11",)
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.basis, listed.evidence_id
        from {batch} as listed
        left join candidate.consent_events as events on events.event_key = listed.evidence_id
        where
            coalesce(listed.basis, '')
            not in ('consent', 'soft_opt_in', 'legitimate_interest', 'published_address')
            or events.event_key is null
    """


class EveryMarketableContactsEvidenceStandsInRaw(PolicyStatement):
    """The evidence of every marketable contact stands in raw, with the digest that the event was read with."""

    relation = "candidate.marketable_contacts"
    rules = ("R11", "R39")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.evidence_id, listed.evidence_record_id, events.payload_digest
        from {batch} as listed
        left join candidate.consent_events as events on events.event_key = listed.evidence_id
        left join raw.records on records.record_id = listed.evidence_record_id
        where
            records.record_id is null
            or events.record_id is distinct from listed.evidence_record_id
            or events.payload_digest is distinct from encode(records.digest, 'hex')
    """


class EveryMarketableContactsEvidenceIsAsReceived(PolicyStatement):
    """Every marketable contact's evidence is as it was received, by its digest, and as it was sealed, by its leaf."""

    relation = "candidate.marketable_contacts"
    rules = ("R11", "R39", "R40")
    unexpected_rows_query: str = """
        select listed.contact_id, listed.evidence_id, listed.evidence_record_id
        from {batch} as listed
        left join gate.recomputed_digests as recomputed on recomputed.record_id = listed.evidence_record_id
        where recomputed.is_as_received is not true
    """


class EveryMarketableContactsEvidenceProvesItsBasis(PolicyStatement):
    """Consent is proven by a grant, confirmation or renewal; soft opt-in by a sale; interest by a notice; the rest by a
    publication.
    """

    relation = "candidate.marketable_contacts"
    rules = ("R11", "R14", "R15", "R17", "R18", "R19")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.basis, listed.evidence_id, events.event_type
        from {batch} as listed
        inner join candidate.consent_events as events on events.event_key = listed.evidence_id
        where
            (listed.basis, events.event_type) not in (
                ('consent', 'consent_given'),
                ('consent', 'consent_confirmed'),
                ('consent', 'consent_renewed'),
                ('soft_opt_in', 'sale_completed'),
                ('legitimate_interest', 'notice_given'),
                ('published_address', 'address_published')
            )
    """


class EveryMarketableContactsEvidenceIsTheirOwn(PolicyStatement):
    """The evidence of every marketable contact is an event of that very contact."""

    relation = "candidate.marketable_contacts"
    rules = ("R12", "R25", "R35")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.evidence_id, events.contact_id as evidence_contact_id
        from {batch} as listed
        inner join candidate.consent_events as events on events.event_key = listed.evidence_id
        where events.contact_id is distinct from listed.contact_id
    """


class EveryMarketableContactsEvidenceHasHappened(PolicyStatement):
    """The evidence of every marketable contact is dated, and no later than the moment that is decided for."""

    relation = "candidate.marketable_contacts"
    rules = ("R8", "R13")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.evidence_id, events.occurred_at
        from {batch} as listed
        cross join gate.current_run as run
        inner join candidate.consent_events as events on events.event_key = listed.evidence_id
        where events.occurred_at is null or events.occurred_at > run.as_of
    """


class NobodyIsMarketableOnQuarantinedEvidence(PolicyStatement):
    """Nobody is marketable on a record that is quarantined."""

    relation = "candidate.marketable_contacts"
    rules = ("R7", "R30", "R33")
    by_contact = True
    unexpected_rows_query: str = """
        select distinct listed.contact_id, listed.evidence_id, quarantine.reason
        from {batch} as listed
        inner join candidate.quarantine on quarantine.event_key = listed.evidence_id
    """


class NobodyMarketableHasWithdrawn(PolicyStatement):
    """Nobody is marketable in a scope that they withdrew or refused, unless they consented again later."""

    relation = "candidate.marketable_contacts"
    rules = ("R10", "R16", "R23", "R25")
    by_contact = True
    unexpected_rows_query: str = _violators("'consent_withdrawn', 'consent_refused'", **SCOPED)


class NobodyMarketableHasObjected(PolicyStatement):
    """Nobody is marketable in a scope that they objected to, unless they consented again later."""

    relation = "candidate.marketable_contacts"
    rules = ("R10", "R24", "R25", "R29")
    by_contact = True
    unexpected_rows_query: str = _violators("'objection_raised'", **SCOPED)


class NobodyMarketableHasComplainedOfSpam(PolicyStatement):
    """Nobody is marketable on a channel on which they complained of spam, unless they consented again later."""

    relation = "candidate.marketable_contacts"
    rules = ("R10", "R25", "R26")
    by_contact = True
    unexpected_rows_query: str = _violators("'spam_complaint'", **_WHOLE_CHANNEL)


class NobodyMarketableHasAskedForErasure(PolicyStatement):
    """Nobody is marketable who asked to be erased, unless they consented again later."""

    relation = "candidate.marketable_contacts"
    rules = ("R25", "R38")
    by_contact = True
    unexpected_rows_query: str = _violators("'erasure_requested'", **_EVERYTHING)


class NobodyMarketableIsDeceased(PolicyStatement):
    """Nobody is marketable who is known to be deceased, whatever came later."""

    relation = "candidate.marketable_contacts"
    rules = ("R27",)
    by_contact = True
    unexpected_rows_query: str = _violators("'contact_deceased'", **_EVERYTHING, restorable=False)


class NobodyMarketableIsSuppressed(PolicyStatement):
    """Nobody is both marketable and suppressed for the same address, channel, purpose and brand."""

    relation = "candidate.marketable_contacts"
    rules = ("R23", "R24", "R25", "R26", "R27")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.evidence_id, suppressions.reason
        from {batch} as listed
        inner join candidate.suppressions
            on
                suppressions.contact_id = listed.contact_id
                and suppressions.address = listed.address
                and suppressions.channel = listed.channel
                and suppressions.purpose = listed.purpose
                and suppressions.brand = listed.brand
    """


class EveryMarketableAddressIsUsable(PolicyStatement):
    """Every marketable contact is listed at an address of their own that did not bounce and was not left behind."""

    relation = "candidate.marketable_contacts"
    rules = ("R26", "R27")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.evidence_id, points.is_usable
        from {batch} as listed
        left join candidate.contact_points as points
            on
                points.contact_id = listed.contact_id
                and points.channel = listed.channel
                and points.address = listed.address
        where points.is_usable is not true
    """


class EveryMarketableContactIsLiveInTheTimeline(PolicyStatement):
    """Every marketable contact has an interval in the timeline in which their basis is live at the business moment."""

    relation = "candidate.marketable_contacts"
    rules = ("R2", "R4", "R8", "R10")
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.basis, listed.evidence_id
        from {batch} as listed
        cross join gate.current_run as run
        left join candidate.consent_timeline as timeline
            on
                timeline.contact_id = listed.contact_id
                and timeline.address = listed.address
                and timeline.channel = listed.channel
                and timeline.purpose = listed.purpose
                and timeline.brand = listed.brand
                and timeline.basis = listed.basis
                and timeline.valid_from <= run.as_of
                and (timeline.valid_to is null or timeline.valid_to > run.as_of)
                and timeline.reason = 'ok'
                and timeline.status in (
                    'ConsentGiven',
                    'RenewedConsentGiven',
                    'SoftOptInActive',
                    'LegitimateInterestInformed',
                    'PublishedAddressActive'
                )
        where timeline.contact_id is null
    """


class NobodyMarketableHasExpired(PolicyStatement):
    """Nobody is marketable after the last day of their permission."""

    relation = "candidate.marketable_contacts"
    rules = ("R1", "R2", "R4")
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.evidence_id, listed.expires_on
        from {batch} as listed
        cross join gate.current_run as run
        where listed.expires_on is null or listed.expires_on < run.decided_on
    """


class EveryExpiryFollowsFromAnActOfTheContact(PolicyStatement):
    """No permission runs for longer than the months of policy after the last thing that its contact did.

    Between countries and channels, the longest period in force on the day decides.
    """

    relation = "candidate.marketable_contacts"
    rules = ("R2", "R3", "R20", "R22")
    by_contact = True
    unexpected_rows_query: str = f"""
        with period as (
            select make_interval(months => max(cast(policy.value as integer))) as allowed
            from registry.policy
            cross join gate.current_run as run
            where
                policy.key = 'inactivity_months'
                and policy.valid_from <= run.decided_on
                and (policy.valid_to is null or policy.valid_to >= run.decided_on)
        ),

        moments as (
            select events.contact_id, {acted_at("events")} as at
            from candidate.consent_events as events
        ),

        acts as (
            select moments.contact_id, max(moments.at) as at
            from moments
            cross join gate.current_run as run
            where moments.at <= run.as_of
            group by moments.contact_id
        )

        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.evidence_id, listed.expires_on
        from {{batch}} as listed
        cross join period
        left join acts on acts.contact_id = listed.contact_id
        where
            period.allowed is null
            or acts.at is null
            or listed.expires_on
            > cast(cast(acts.at at time zone 'Europe/Amsterdam' as date) + period.allowed as date)
    """


class EveryRenewalFallsDueInThePolicysWindow(PolicyStatement):
    """Every renewal falls due as many days before the permission's last day as policy says for the day."""

    relation = "candidate.marketable_contacts"
    rules = ("R5",)
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.evidence_id, listed.renewal_due_on, listed.expires_on
        from {batch} as listed
        cross join gate.current_run as run
        where
            not exists (
                select from registry.policy
                where
                    policy.key = 'renewal_window_days'
                    and policy.valid_from <= run.decided_on
                    and (policy.valid_to is null or policy.valid_to >= run.decided_on)
                    and cast(policy.value as integer) = listed.expires_on - listed.renewal_due_on
            )
    """


class NoContactPointIsListedTwice(PolicyStatement):
    """No contact point is listed twice for the same channel, purpose and brand."""

    relation = "candidate.marketable_contacts"
    by_contact = True
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, count(*) as rows_listed
        from {batch} as listed
        cross join gate.current_run as run
        group by listed.contact_id, listed.address, listed.channel, listed.purpose, listed.brand
        having count(*) > 1
    """
