"""Statements about what a listed consent rests on: each rule that can forbid it, judged again from event and registry.

A consent rests on its evidence where that is a grant or a renewal, and on an earlier grant of the same source and
address where it is a confirmation; a statement then holds if one such grant fulfils it. Lists in a registry's cell are
separated by `|`, and `*` means any.
"""

from expectations.clauses import policy_value
from expectations.marketable_contacts import CHANNEL as _CHANNEL
from expectations.marketable_contacts import SCOPED as _SCOPED
from expectations.statement import PolicyStatement

# an address without its plus-tag (R34); a phone number or postal address has none before an @
_BASE = r"regexp_replace({address}, '^([^+@]+)\+[^@]*@', '\1@')"
_CARRIED = "case listed.channel when 'email' then granted.email when 'post' then granted.postal else granted.phone end"

_GRANTED = f"""
        grants as (
            select
                listed.contact_id,
                listed.address,
                listed.channel,
                listed.purpose,
                listed.brand,
                listed.evidence_id,
                evidence.event_type as evidence_type,
                evidence.occurred_at as proven_at,
                granted.event_key as grant_key,
                {_CARRIED} as carried_address
            from {{batch}} as listed
            inner join candidate.consent_events as evidence on evidence.event_key = listed.evidence_id
            inner join intermediate.int_events__received as granted
                on granted.event_key = evidence.event_key and granted.record_id = evidence.record_id
            where listed.basis = 'consent' and evidence.event_type <> 'consent_confirmed'

            union all

            select
                listed.contact_id,
                listed.address,
                listed.channel,
                listed.purpose,
                listed.brand,
                listed.evidence_id,
                evidence.event_type as evidence_type,
                evidence.occurred_at as proven_at,
                granted.event_key as grant_key,
                {_CARRIED} as carried_address
            from {{batch}} as listed
            inner join candidate.consent_events as evidence on evidence.event_key = listed.evidence_id
            inner join candidate.consent_events as grant_events
                on
                    grant_events.contact_id = listed.contact_id
                    and grant_events.source = evidence.source
                    and grant_events.event_type in ('consent_given', 'consent_renewed')
                    and grant_events.occurred_at <= evidence.occurred_at
            inner join intermediate.int_events__received as granted
                on granted.event_key = grant_events.event_key and granted.record_id = grant_events.record_id
            where
                listed.basis = 'consent'
                and evidence.event_type = 'consent_confirmed'
                and {_CARRIED} = listed.address
        ),

        detailed as (
            select
                grants.*,
                granted.source,
                granted.event_id,
                granted.batch,
                granted.lead_channel,
                granted.method,
                granted.text_version,
                granted.form_url,
                granted.ip,
                granted.user_agent,
                granted.recording_ref,
                granted.document_ref,
                granted.parental_ref,
                granted.birth_date_text,
                granted.received_at,
                coalesce(granted.country, granted.default_country, contacts.country) as country,
                grant_events.occurred_at as granted_at,
                cast(grant_events.occurred_at at time zone 'Europe/Amsterdam' as date) as granted_on,
                cast(granted.received_at at time zone 'Europe/Amsterdam' as date) as received_on
            from grants
            inner join candidate.consent_events as grant_events on grant_events.event_key = grants.grant_key
            inner join intermediate.int_events__received as granted
                on granted.event_key = grant_events.event_key and granted.record_id = grant_events.record_id
            left join candidate.contacts as contacts on contacts.contact_id = grants.contact_id
        )"""

_LISTED = "listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.evidence_id"


def held(cell: str, value: str) -> str:
    """Whether a registry's cell holds a value: one of a list, or any."""
    return f"({cell} = '*' or '|' || {cell} || '|' like '%|' || {value} || '|%')"


def _unless_a_grant(fulfils: str, joined: str = "") -> str:
    """The listed consents that no grant of theirs fulfils a condition for."""
    return f"""
        with {_GRANTED.strip()},

        fulfilled as (
            select detailed.*
            from detailed
            {joined}
            where {fulfils}
        )

        select {_LISTED}
        from {{batch}} as listed
        cross join gate.current_run as run
        where
            listed.basis = 'consent'
            and not exists (
                select from fulfilled
                where
                    fulfilled.contact_id = listed.contact_id
                    and fulfilled.address = listed.address
                    and fulfilled.channel = listed.channel
                    and fulfilled.purpose = listed.purpose
                    and fulfilled.brand = listed.brand
            )
    """


def recalled(record: str) -> str:
    """Whether a record's source has recalled it by now, so that it is as if never given (R32)."""
    return f"""exists (
                    select from candidate.consent_events as recalls
                    inner join intermediate.int_events__received as recalled
                        on recalled.event_key = recalls.event_key and recalled.record_id = recalls.record_id
                    cross join gate.current_run as deciding
                    where
                        recalls.event_type = 'consent_revoked'
                        and recalls.source = {record}.source
                        and coalesce(least(recalls.occurred_at, recalls.received_at), recalls.received_at)
                        <= deciding.as_of
                        and (
                            recalled.refers_to_batch = {record}.batch
                            or recalled.refers_to_event_id = {record}.event_id
                        )
                )"""


# a union, as a join on whichever address it is would be walked row by row
_NAMED = "\n            union all\n".join(
    f"""            select events.event_key, {address} as address
            from candidate.consent_events as events
            inner join intermediate.int_events__received as received
                on
                    received.record_id = events.record_id
                    and received.event_key = split_part(events.event_key, chr(31), 1)
            where {address} is not null"""
    for address in (_BASE.format(address="received.email"), "received.phone", "received.postal")
)
_TEXT = "inner join registry.consent_texts as texts on texts.text_version = detailed.text_version"
_SOURCE = "inner join registry.sources as sources on sources.source = detailed.source"
_LEAD_CHANNEL = f"""{_SOURCE}
            inner join registry.lead_channels as lead_channels
                on lead_channels.lead_channel = coalesce(detailed.lead_channel, sources.lead_channel)"""
_EVIDENCE = ("form_url", "ip", "user_agent", "recording_ref", "document_ref", "parental_ref")
_COMPLETE = " and ".join(
    f"(coalesce(detailed.{field}, '') <> '' or not '|' || lead_channels.required_evidence || '|' like '%|{field}|%')"
    for field in _EVIDENCE
)


class EveryConsentNamesATextThatWasShownThen(PolicyStatement):
    """Every consent names its method and a text version that was valid and in force on the day it was given."""

    relation = "candidate.marketable_contacts"
    rules = ("R11",)
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        "coalesce(detailed.method, '') <> '' and texts.state = 'valid'"
        " and (texts.valid_from is null or texts.valid_from <= detailed.granted_on)"
        " and (texts.valid_to is null or texts.valid_to >= detailed.granted_on)",
        _TEXT,
    )


class EveryConsentsTextCoversItsScope(PolicyStatement):
    """Every consent's text covers the channel, purpose and brand that it is used for; a vendor's names the brand."""

    relation = "candidate.marketable_contacts"
    rules = ("R12", "R31")
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        f"{held('texts.channels', 'detailed.channel')} and {held('texts.purposes', 'detailed.purpose')}"
        f" and {held('texts.brands', 'detailed.brand')} and (sources.party <> 'vendor' or texts.brands <> '*')",
        f"{_TEXT}\n            {_SOURCE}",
    )


class EveryConsentWasGivenForItsAddress(PolicyStatement):
    """Every consent's own record carries the address that it is used for."""

    relation = "candidate.marketable_contacts"
    rules = ("R12", "R25", "R34")
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant("detailed.carried_address = detailed.address")


class NoConsentComesFromAnImport(PolicyStatement):
    """No consent rests on a source that only imports."""

    relation = "candidate.marketable_contacts"
    rules = ("R13",)
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant("not sources.import_only", _SOURCE)


class EveryConsentThatNeedsAConfirmationHasIt(PolicyStatement):
    """Where source or country requires double opt-in, a consent is proven by its confirmation, or by a renewal."""

    relation = "candidate.marketable_contacts"
    rules = ("R14", "R15")
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        "detailed.evidence_type in ('consent_confirmed', 'consent_renewed') or (not sources.double_opt_in and "
        + policy_value("double_opt_in_required", "detailed.country", "detailed.channel", "detailed.granted_on")
        + " = 'false')",
        _SOURCE,
    )


class NobodyMarketableConsentedAsAChild(PolicyStatement):
    """By no reading of a stated birth date was anybody younger than policy allows, without parental evidence."""

    relation = "candidate.marketable_contacts"
    rules = ("R28",)
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        "detailed.birth_date_text is null or coalesce(detailed.parental_ref, '') <> ''"
        # what holds no digit was read as stating nothing, or was not read: then born_on is null, and nothing holds
        " or (births.event_key is null and detailed.birth_date_text !~ '[0-9]')"
        " or births.born_on + make_interval(years => cast("
        + policy_value("minimum_age", "detailed.country", "detailed.channel", "detailed.granted_on")
        + " as integer)) <= detailed.granted_on",
        "left join intermediate.int_permissions__births as births on births.event_key = detailed.grant_key",
    )


class EveryConsentsLeadChannelAllowsIt(PolicyStatement):
    """Every consent came by a cleared lead channel that allows consent, with the evidence that the channel requires."""

    relation = "candidate.marketable_contacts"
    rules = ("R11", "R33")
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        f"lead_channels.state = 'cleared' and {held('lead_channels.allowed_bases', chr(39) + 'consent' + chr(39))}"
        f" and {_COMPLETE}",
        _LEAD_CHANNEL,
    )


class EveryVendorsConsentWasCoveredOnItsDelivery(PolicyStatement):
    """Every vendor's consent was delivered under an agreement of the right kind and a process under review."""

    relation = "candidate.marketable_contacts"
    rules = ("R30",)
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(
        """sources.party <> 'vendor'
                or exists (
                    select from registry.vendors
                    inner join registry.agreement_kinds
                        on
                            agreement_kinds.role = vendors.role
                            and agreement_kinds.agreement_kind = vendors.agreement_kind
                    where
                        vendors.vendor = sources.vendor
                        and vendors.agreement_from <= detailed.received_on
                        and (vendors.agreement_to is null or vendors.agreement_to >= detailed.received_on)
                        and vendors.process_ref is not null
                        and vendors.process_review_due >= detailed.received_on
                )""",
        _SOURCE,
    )


class NoConsentWasRecalled(PolicyStatement):
    """No consent rests on a record that its source has recalled."""

    relation = "candidate.marketable_contacts"
    rules = ("R32",)
    by_contact = True
    unexpected_rows_query: str = _unless_a_grant(f"not {recalled('detailed')}")


class NoProofLiesInTheFutureOfItsReceipt(PolicyStatement):
    """No evidence claims a moment later than its receipt by more than the clock skew of policy."""

    relation = "candidate.marketable_contacts"
    rules = ("R7",)
    by_contact = True
    unexpected_rows_query: str = f"""
        select {_LISTED}, events.occurred_at, events.received_at
        from {{batch}} as listed
        inner join candidate.consent_events as events on events.event_key = listed.evidence_id
        where
            (
                events.occurred_at <= events.received_at + make_interval(mins => cast(
                    {policy_value("clock_skew_minutes", "'*'", "'*'", "cast(events.received_at as date)")} as integer
                ))
            ) is not true
    """


class NoConsentWasConfirmedByAMachine(PolicyStatement):
    """No confirmation is flagged as a machine's, or came sooner after delivery than a person could."""

    relation = "candidate.marketable_contacts"
    rules = ("R14", "R21")
    by_contact = True
    unexpected_rows_query: str = f"""
        select {_LISTED}
        from {{batch}} as listed
        inner join candidate.consent_events as events on events.event_key = listed.evidence_id
        inner join intermediate.int_events__received as confirmed
            on confirmed.event_key = events.event_key and confirmed.record_id = events.record_id
        where
            events.event_type = 'consent_confirmed'
            and (
                coalesce(confirmed.is_machine, false)
                or confirmed.seconds_since_delivery < cast(
                    {policy_value("machine_click_seconds", "'*'", "'email'", "cast(events.occurred_at as date)")}
                    as numeric
                )
            )
    """


class NoRoleAddressIsUsedOnAPersonsBasis(PolicyStatement):
    """No role address is marketable but on a consent given from it or a publication of it."""

    relation = "candidate.marketable_contacts"
    rules = ("R19",)
    by_contact = True
    unexpected_rows_query: str = f"""
        select {_LISTED}, listed.basis
        from {{batch}} as listed
        inner join registry.role_addresses
            on lower(role_addresses.local_part) = split_part(split_part(listed.address, '@', 1), '+', 1)
        where listed.channel = 'email' and listed.basis not in ('consent', 'published_address')
    """


class NoMarketableAddressIsNamedByARestriction(PolicyStatement):
    """No address is marketable that a restriction names, whoever uses it, unless it consented again later."""

    relation = "candidate.marketable_contacts"
    rules = ("R25", "R27", "R34")
    by_contact = True
    unexpected_rows_query: str = f"""
        with named as (
{_NAMED}
        ),

        restricting as (
            select
                named.address,
                events.event_key,
                events.event_type,
                {_CHANNEL} as channel,
                {_SCOPED["purpose"]} as purpose,
                {_SCOPED["brand"]} as brand,
                coalesce(least(events.occurred_at, events.received_at), events.received_at) as at
            from named
            inner join candidate.consent_events as events on events.event_key = named.event_key
            where
                events.event_type in (
                    'consent_withdrawn', 'consent_refused', 'objection_raised', 'contact_deceased', 'erasure_requested'
                )
        )

        select {_LISTED}, min(restricting.event_key) as restriction_id
        from {{batch}} as listed
        cross join gate.current_run as run
        inner join restricting on restricting.address = {_BASE.format(address="listed.address")}
        left join candidate.consent_events as evidence on evidence.event_key = listed.evidence_id
        where
            restricting.at <= run.as_of
            and (
                restricting.event_type in ('contact_deceased', 'erasure_requested')
                or (
                    (restricting.channel = listed.channel) is not false
                    and (restricting.purpose = listed.purpose) is not false
                    and (restricting.brand = listed.brand) is not false
                )
            )
            and (
                restricting.event_type = 'contact_deceased'
                or listed.basis is distinct from 'consent'
                or evidence.occurred_at is null
                or restricting.at >= evidence.occurred_at
            )
        group by {_LISTED}
    """
