import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from optkeeper.gate import evidence, ledger, scope
from optkeeper.warehouse import database, embedded

from expectations import statements
from expectations.statement import CHANGED, COPIED
from tests.gate import world

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Case:
    """What breaks a statement on the sound world, what the violation then tells, and what must not break it."""

    violation: str
    told: dict[str, Any]
    near_misses: tuple[str, ...] = ()


def _event(kind: str, at: str, *, contact: str = "web/2", scope: str = "null, null, null", received: str = "") -> str:
    return (
        "insert into candidate.consent_events (event_key, contact_id, event_type, occurred_at, received_at, source,"
        f" channel, purpose, brand) values ('web/8', '{contact}', '{kind}', {at}, {received or at}, 'web', {scope});"
    )


_AFTER = "timestamptz '2025-05-01 10:00+00'"
_BEFORE = "timestamptz '2025-03-15 10:00+00'"
_SAME_INSTANT = "timestamptz '2025-04-01 10:00+00'"
_LATER_THAN_DECIDED = "timestamptz '2026-06-01 10:00:01+00'"
_OTHER_PURPOSE = "'email', 'events', 'noord'"
_ALL_OF_EMAIL = "'email', null, null"
_SALE = "update candidate.marketable_contacts set basis = 'soft_opt_in' where contact_id = 'web/2';"
_NOW = "(select started_at from gate.current_run)"
_ASKED = (
    "insert into raw.delivered_renewals values ('{day}', 'email', 'jan.jansen@voorbeeld.nl', 'newsletter', 'noord');"
)
_SHRUNK = f"insert into raw.populations values ('crm', 'hubspot.contacts', {_NOW} - interval '1 minute', {{total}});"
_DELIVERED = (
    "insert into raw.files (source, digest, name, size, batch, received_at, records)"
    f" values ('web', 'c', 'c.csv', 9, 'c', {_NOW} - interval '1 minute', {{records}});"
)
_ACCEPTED = (
    "insert into gate.accepted_volumes (source, object, total, accepted_at, {by})"
    " values ('{source}', '{object}', {total}, clock_timestamp(), 'x');"
)
_MART = "update gate.mart_volumes set published_rows = 10, candidate_rows = {rows}, published_at = now()" + (
    " where relation = 'marketable_contacts';"
)

_RECORD_AHEAD = (
    "update candidate.consent_events set received_at = '2025-01-10 22:50+00',"
    " occurred_at = timestamptz '2025-01-10 22:50+00' + interval '{minutes} minutes' where event_key = 'shop/s2';"
)
_BORN = "insert into intermediate.int_permissions__births values (0, 'web/1', {on});"
_GRANT_1 = "update intermediate.int_events__received set {change} where event_key = 'web/1';"
_WEB = "update registry.sources set {change} where source = 'web';"
# web/1's grant is proven by a confirmation of half an hour later, as double opt-in has it
_CONFIRMED = (
    "insert into raw.records (source, object, source_id, received_at, digest, payload)"
    " values ('web', 'canonical.events', '5', '2024-06-20 10:30+00', sha256('{\"id\":\"5\"}'), '{\"id\": \"5\"}');"
    "insert into candidate.consent_events (event_key, contact_id, event_type, occurred_at, received_at, source,"
    " payload_digest, record_id) select 'web/5', 'web/1', 'consent_confirmed', received_at, received_at, 'web',"
    " encode(digest, 'hex'), record_id from raw.records where source_id = '5';"
    "insert into intermediate.int_events__received (event_key, record_id, event_type, source, event_id, received_at, email)"
    " select 'web/5', record_id, 'consent_confirmed', 'web', '5', received_at, 'jan.jansen@voorbeeld.nl' from raw.records"
    " where source_id = '5';"
    "update candidate.marketable_contacts set evidence_id = 'web/5',"
    " evidence_record_id = (select record_id from raw.records where source_id = '5') where contact_id = 'web/1';"
)
_RECALL = (
    "insert into candidate.consent_events (event_key, event_type, occurred_at, received_at, source, record_id)"
    " values ('web/r', 'consent_revoked', {at}, {at}, '{source}', 99);"
    "insert into intermediate.int_events__received (event_key, record_id, event_type, source, {refers})"
    " values ('web/r', 99, 'consent_revoked', '{source}', '{to}');"
)
_NAMED_BY = (
    "insert into candidate.consent_events (event_key, contact_id, event_type, occurred_at, received_at, source, channel,"
    " purpose, brand, record_id) values ('web/n', 'somebody else', '{kind}', {at}, {at}, 'web', {scope}, 98);"
    "insert into intermediate.int_events__received (event_key, record_id, event_type, source, {column})"
    " values ('web/n', 98, '{kind}', 'web', '{address}');"
)

_RECEIVED = "update intermediate.int_events__received set {change} where event_key = 'shop/{event}';"
_BY_A_VENDOR = (
    "update intermediate.int_events__received set source = 'leadlist' where event_key = 'shop/s2';"
    "update candidate.consent_events set occurred_at = timestamptz '{told}' where event_key = 'shop/s3';"
)
_REVIEWED = "update registry.legitimate_interest_assessments set {change};"
_MATRIX = "insert into registry.basis_matrix values ({row}, '2018-05-25', {valid_to});"

CASES = {
    "EverySoftOptInRestsOnASaleThatAllowsIt": Case(
        _RECEIVED.format(event="s1", change="opt_out_offered_at_collection = false"),
        {"contact_id": "customer", "evidence_id": "shop/s1"},
        (
            "update registry.purposes set product_categories = 'training|software'",
            _RECEIVED.format(event="s1", change="channel = 'email', purpose = 'newsletter', brand = 'noord'"),
            _RECALL.format(at=_LATER_THAN_DECIDED, source="shop", refers="refers_to_batch", to="b9"),
        ),
    ),
    "EveryLegitimateInterestIsAssessed": Case(
        _REVIEWED.format(change="review_due = '2026-05-31'"),
        {"contact_id": "called", "evidence_id": "shop/s3"},
        (
            _REVIEWED.format(change="approved_on = '2026-06-01', review_due = '2026-06-01'"),
            _REVIEWED.format(change="review_due = null, brands = '*', channels = '*', purposes = '*'"),
        ),
    ),
    "EveryLegitimateInterestWasToldInTime": Case(
        _BY_A_VENDOR.format(told="2025-02-11 00:00+01"),
        {"contact_id": "called", "evidence_id": "shop/s3"},
        (
            _BY_A_VENDOR.format(told="2025-02-10 23:59:59+01"),
            _BY_A_VENDOR.format(told="2019-01-01 10:00+01"),
            "update candidate.consent_events set occurred_at = null where event_key = 'shop/s2'",
        ),
    ),
    "EveryPublishedAddressWasMadeKnownForItsUse": Case(
        _RECEIVED.format(event="s4", change="published_purposes = 'product_news'"),
        {"contact_id": "published", "evidence_id": "shop/s4"},
        (_RECEIVED.format(event="s4", change="published_purposes = 'newsletter', brand = 'noord'"),),
    ),
    "EveryOtherBasisIsAllowedByTheMatrix": Case(
        _MATRIX.format(row="'NL', '*', 'natural_person', 'soft_opt_in', false", valid_to="null"),
        {"contact_id": "customer", "basis": "soft_opt_in"},
        (
            _MATRIX.format(row="'BE', 'email', '*', 'soft_opt_in', false", valid_to="null"),
            _MATRIX.format(row="'*', '*', 'natural_person', 'soft_opt_in', true", valid_to="null"),
            _MATRIX.format(row="'NL', 'email', 'natural_person', 'soft_opt_in', false", valid_to="'2026-05-31'"),
        ),
    ),
    "EveryConsentNamesATextThatWasShownThen": Case(
        "update registry.consent_texts set valid_from = '2024-06-21'",
        {"contact_id": "web/1", "evidence_id": "web/1"},
        ("update registry.consent_texts set valid_from = '2024-06-20'", _CONFIRMED),
    ),
    "EveryConsentsTextCoversItsScope": Case(
        _GRANT_1.format(change="text_version = 'v0'")
        + "insert into registry.consent_texts values ('v0', 'zuid', 'email', 'newsletter', null, null, 'valid')",
        {"contact_id": "web/1"},
        ("update registry.consent_texts set brands = '*', channels = 'sms|email', purposes = 'events|newsletter'",),
    ),
    "EveryConsentWasGivenForItsAddress": Case(
        _GRANT_1.format(change="email = 'jan@voorbeeld.nl'"), {"contact_id": "web/1"}, (_CONFIRMED,)
    ),
    "NoConsentComesFromAnImport": Case(
        "insert into registry.sources values ('old', 'noord', 'first_party', null, 'web_form', false, true);"
        + _GRANT_1.format(change="source = 'old'"),
        {"contact_id": "web/1"},
    ),
    "EveryConsentThatNeedsAConfirmationHasIt": Case(
        _GRANT_1.format(change="country = 'DE'"),
        {"contact_id": "web/1"},
        (
            _GRANT_1.format(change="country = 'DE'") + _CONFIRMED,
            _GRANT_1.format(change="country = 'DE'")
            + "update candidate.consent_events set event_type = 'consent_renewed' where event_key = 'web/1'",
            "update registry.policy set channel = 'sms' where country = 'DE';"
            + _GRANT_1.format(change="country = 'DE'"),
        ),
    ),
    "NobodyMarketableConsentedAsAChild": Case(
        _GRANT_1.format(change="birth_date_text = '21/06/2008'") + _BORN.format(on="'2008-06-21'"),
        {"contact_id": "web/1"},
        (
            _GRANT_1.format(change="birth_date_text = '20/06/2008'") + _BORN.format(on="'2008-06-20'"),
            _GRANT_1.format(change="birth_date_text = '2013-01-01', parental_ref = 'P-1'")
            + _BORN.format(on="'2013-01-01'"),
            _GRANT_1.format(change="birth_date_text = '-'"),
        ),
    ),
    "EveryConsentsLeadChannelAllowsIt": Case(
        _GRANT_1.format(change="form_url = ''"),
        {"contact_id": "web/1"},
        ("update registry.lead_channels set allowed_bases = '*', required_evidence = 'method'",),
    ),
    "EveryVendorsConsentWasCoveredOnItsDelivery": Case(
        "insert into registry.sources values ('old', 'noord', 'vendor', 'leadco', 'web_form', false, false);"
        "update registry.vendors set process_review_due = '2024-06-19';" + _GRANT_1.format(change="source = 'old'"),
        {"contact_id": "web/1"},
        (
            "insert into registry.sources values ('old', 'noord', 'vendor', 'leadco', 'web_form', false, false);"
            "update registry.vendors set process_review_due = '2024-06-20', agreement_to = '2024-06-20';"
            + _GRANT_1.format(change="source = 'old'"),
        ),
    ),
    "NoConsentWasRecalled": Case(
        _RECALL.format(at=_AFTER, source="web", refers="refers_to_event_id", to="1"),
        {"contact_id": "web/1"},
        (
            _RECALL.format(at=_LATER_THAN_DECIDED, source="web", refers="refers_to_batch", to="b1"),
            _RECALL.format(at=_AFTER, source="crm", refers="refers_to_batch", to="b1"),
            _RECALL.format(at=_AFTER, source="web", refers="refers_to_batch", to="b2"),
        ),
    ),
    "NoProofLiesInTheFutureOfItsReceipt": Case(
        "update candidate.consent_events set received_at = occurred_at - interval '61 minutes' where event_key = 'web/1'",
        {"contact_id": "web/1"},
        ("update candidate.consent_events set received_at = occurred_at - interval '60 minutes'",),
    ),
    "NoConsentWasConfirmedByAMachine": Case(
        _CONFIRMED
        + "update intermediate.int_events__received set seconds_since_delivery = 4.9 where event_key = 'web/5'",
        {"contact_id": "web/1", "evidence_id": "web/5"},
        (
            _CONFIRMED
            + "update intermediate.int_events__received set seconds_since_delivery = 5 where event_key = 'web/5'",
        ),
    ),
    "NoRoleAddressIsUsedOnAPersonsBasis": Case(
        "update candidate.marketable_contacts set basis = 'legitimate_interest' where contact_id = 'web/1'",
        {"contact_id": "web/1", "basis": "legitimate_interest"},
        ("update candidate.marketable_contacts set basis = 'published_address' where contact_id = 'web/1'",),
    ),
    "NoMarketableAddressIsNamedByARestriction": Case(
        _NAMED_BY.format(
            kind="consent_withdrawn",
            at=_AFTER,
            scope="'e-mail', null, null",
            column="email",
            address="jan.jansen+x@voorbeeld.nl",
        ),
        {"contact_id": "web/1", "restriction_id": "web/n"},
        (
            _NAMED_BY.format(
                kind="objection_raised",
                at=_AFTER,
                scope=_OTHER_PURPOSE,
                column="email",
                address="jan.jansen@voorbeeld.nl",
            ),
            _NAMED_BY.format(
                kind="objection_raised",
                at=_BEFORE,
                scope="null, null, null",
                column="email",
                address="piet@voorbeeld.nl",
            ),
            _NAMED_BY.format(
                kind="objection_raised",
                at=_LATER_THAN_DECIDED,
                scope="null, null, null",
                column="email",
                address="jan.jansen@voorbeeld.nl",
            ),
        ),
    ),
    "TheCandidateIsOfThisRun": Case("update candidate.builds set run_id = 'r0'", {"run_id": "r1"}),
    "EveryDecisionIsOfTheBusinessDate": Case(
        "update candidate.marketable_contacts set decided_on = '2026-05-31' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
    ),
    "EveryRecordIsOfARegisteredSource": Case(
        "delete from registry.sources where source = 'web'", {"source": "web", "records": 3}
    ),
    "EveryRecordCarriesItsDigest": Case(
        "update raw.records set digest = 'short' where source_id = '2'", {"source": "web"}
    ),
    "EveryRecordNamesItsObjectAndId": Case(
        "update raw.records set source_id = '' where source_id = '2'", {"source": "web"}
    ),
    "NoRecordIsReceivedInTheFuture": Case(
        f"update raw.records set received_at = {_NOW} + interval '1 hour' where source_id = '2'", {"source": "web"}
    ),
    "NoSourcesLastPullWasAllQuarantine": Case(
        "update raw.pulls set records_broken = 10",
        {"source": "crm", "records_broken": 10},
        ("update raw.pulls set records_broken = 9, records_quarantined = 10",),
    ),
    "EveryPullAccountsForAllThatItWasTold": Case(
        "update raw.pulls set records_known = 1", {"source": "crm", "records_seen": 10}
    ),
    "EveryBrokenRecordThatRestrictsStandsInQuarantine": Case(
        "update raw.records set broken_reason = 'malformed_json' where source_id = '2'",
        {"source": "web", "broken_reason": "malformed_json"},
        (
            "update raw.records set broken_reason = 'malformed_json' where source_id = '2';"
            "insert into raw.quarantine (source, object, position, reason, detail, received_at, digest, payload) values"
            " ('web', 'canonical.events', 'a:1', 'malformed_json', '', now(), sha256('x'), 'x');",
        ),
    ),
    "NoRestrictionCameAgainForAnother": Case(
        "update candidate.consent_events set is_superseded = true where event_key = 'web/2'",
        {"source": "web", "event_type": "consent_withdrawn", "restrictions": 1},
    ),
    "NoKeyBindsMoreRecordsThanAPersonCanHave": Case(
        "insert into intermediate.int_identity__overloaded_keys values ('email:jan.jansen@voorbeeld.nl', 'email', 201, 200)",
        {"kind": "email", "records": 201, "most_records": 200},
    ),
    "NoSourceIsStale": Case("update candidate.source_freshness set is_stale = true", {"source": "crm"}),
    "EverySourceWasPulledSinceTheRestore": Case("insert into raw.restores default values", {"source": "crm"}),
    "NoSourceShrankMoreThanItsRegistryRowAllows": Case(
        _SHRUNK.format(total=700),
        {"source": "crm", "object": "hubspot.contacts", "total": 700, "accepted_total": 1000},
        (
            _SHRUNK.format(total=701),
            _SHRUNK.format(total=1001),
            _ACCEPTED.format(source="crm", object="hubspot.contacts", total=900, by="accepted_by")
            + _SHRUNK.format(total=631),
        ),
    ),
    "NoDeliveryIsMuchSmallerThanIsUsual": Case(
        _DELIVERED.format(records=63),
        {"source": "web", "records": 63, "usual": 90, "max_drop_percent": 30},
        (
            _DELIVERED.format(records=64),
            _DELIVERED.format(records=63) + "update raw.files set source = 'crm' where digest = 'c';",
            _DELIVERED.format(records="null"),
        ),
    ),
    "NoSourceStoppedCounting": Case(
        "insert into raw.pulls (source, started_at, finished_at, state)"
        f" values ('crm', {_NOW} - interval '10 minutes', {_NOW} - interval '9 minutes', 'complete')",
        {"source": "crm", "object": "hubspot.contacts"},
        (
            f"insert into raw.pulls (source, started_at, state) values ('crm', {_NOW} - interval '1 minute', 'failed')",
            "insert into raw.pulls (source, started_at, finished_at, state)"
            f" values ('web', {_NOW} - interval '10 minutes', {_NOW} - interval '9 minutes', 'complete')",
            "insert into raw.files values ('crm', 'd', 'leads.csv', 1, 'b', now());"
            "insert into raw.pulls (source, started_at, finished_at, state)"
            f" values ('crm', {_NOW} - interval '10 minutes', {_NOW} - interval '9 minutes', 'complete')",
        ),
    ),
    "NoMartShrankMoreThanItsLimitAllows": Case(
        _MART.format(rows=7),
        {"relation": "marketable_contacts", "candidate_rows": 7, "accepted_rows": 10, "max_drop_percent": 30},
        (
            _MART.format(rows=8),
            _MART.format(rows=7)
            + _ACCEPTED.format(source="marts", object="marketable_contacts", total=7, by="accepted_by"),
        ),
    ),
    "EveryMarketableContactHasADocumentedBasis": Case(
        "update candidate.marketable_contacts set basis = 'contract' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
    ),
    "EveryMarketableContactsEvidenceStandsInRaw": Case(
        "update raw.records set digest = sha256('changed') where source_id = '1'", {"contact_id": "web/1"}
    ),
    "EveryMarketableContactsEvidenceProvesItsBasis": Case(
        _SALE, {"contact_id": "web/2", "basis": "soft_opt_in", "event_type": "consent_given"}
    ),
    "EveryMarketableContactsEvidenceIsTheirOwn": Case(
        "update candidate.consent_events set contact_id = 'web/2' where event_key = 'web/1'",
        {"contact_id": "web/1", "evidence_contact_id": "web/2"},
    ),
    "EveryMarketableContactsEvidenceHasHappened": Case(
        "update candidate.consent_events set occurred_at = null where event_key = 'web/1'", {"contact_id": "web/1"}
    ),
    "NobodyIsMarketableOnQuarantinedEvidence": Case(
        "insert into candidate.quarantine values ('event/web/1', 'web', 'web/1', 'channel_not_cleared')",
        {"contact_id": "web/1", "reason": "channel_not_cleared"},
    ),
    "NobodyMarketableHasWithdrawn": Case(
        _event("consent_refused", _SAME_INSTANT, scope=_ALL_OF_EMAIL),
        {"contact_id": "web/2", "restriction_id": "web/8"},
        (
            _event("consent_withdrawn", _BEFORE),
            _event("consent_withdrawn", _AFTER, scope=_OTHER_PURPOSE),
            _event("consent_withdrawn", _LATER_THAN_DECIDED),
        ),
    ),
    "NobodyMarketableHasObjected": Case(
        _event("objection_raised", "null", received=_AFTER),
        {"contact_id": "web/2", "restriction_id": "web/8"},
        (
            _event("objection_raised", _BEFORE),
            _event("objection_raised", _AFTER, scope="'post', null, null"),
            _event("objection_raised", _AFTER, received=_BEFORE),
        ),
    ),
    "NobodyMarketableHasComplainedOfSpam": Case(
        _event("spam_complaint", _AFTER, scope="null, 'events', 'zuid'"),
        {"contact_id": "web/2"},
        (_event("spam_complaint", _AFTER, scope="'sms', null, null"),),
    ),
    "NobodyMarketableHasAskedForErasure": Case(
        _event("erasure_requested", _AFTER, scope=_OTHER_PURPOSE),
        {"contact_id": "web/2"},
        (_event("erasure_requested", _BEFORE),),
    ),
    "NobodyMarketableIsDeceased": Case(
        _event("contact_deceased", _BEFORE), {"contact_id": "web/2"}, (_event("contact_deceased", _LATER_THAN_DECIDED),)
    ),
    "NobodyMarketableIsSuppressed": Case(
        "update candidate.suppressions set purpose = 'newsletter'", {"contact_id": "web/2", "reason": "withdrawn"}
    ),
    "EveryMarketableContactsEvidenceIsAsReceived": Case(
        """update raw.records set payload = '{"id": "9"}' where source_id = '1'""", {"contact_id": "web/1"}
    ),
    "TheHalvesOfTheDecisionsAddUp": Case(
        "delete from candidate.suppressions",
        {"contact_id": "web/2", "decided": False, "listed": None},
    ),
    "EveryExpiryCountsFromItsAnchor": Case(
        "update candidate.decisions set expires_on = expires_on + 1 where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        (
            # a clock that runs ahead within its minutes carries a record over midnight; beyond them the receipt counts
            _RECORD_AHEAD.format(minutes=20)
            + "update candidate.decisions set anchored_on = '2025-01-11', expires_on = '2027-01-11' where contact_id = 'called'",
            _RECORD_AHEAD.format(minutes=70),
        ),
    ),
    "EveryMarketableAddressIsUsable": Case(
        "update candidate.contact_points set is_usable = false where contact_id = 'web/1'", {"contact_id": "web/1"}
    ),
    "EveryMarketableContactIsLiveInTheTimeline": Case(
        "update candidate.consent_timeline set valid_to = '2026-06-01 10:00+00' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        ("update candidate.consent_timeline set valid_to = null where contact_id = 'web/1'",),
    ),
    "NobodyMarketableHasExpired": Case(
        "update candidate.marketable_contacts set expires_on = '2026-05-31' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        ("update candidate.marketable_contacts set expires_on = '2026-06-01' where contact_id = 'web/1'",),
    ),
    "EveryExpiryFollowsFromAnActOfTheContact": Case(
        "update candidate.marketable_contacts set expires_on = '2026-06-21' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        (
            # 22:30 in Greenwich is the next day in Amsterdam
            "update candidate.consent_events set occurred_at = '2024-06-20 22:30+00' where event_key = 'web/1';"
            "update candidate.marketable_contacts set expires_on = '2026-06-21' where contact_id = 'web/1'",
        ),
    ),
    "EveryRenewalFallsDueInThePolicysWindow": Case(
        "update candidate.marketable_contacts set renewal_due_on = renewal_due_on + 1 where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        (
            "update registry.policy set value = '30' where key = 'renewal_window_days';"
            "update candidate.marketable_contacts set renewal_due_on = expires_on - 30",
        ),
    ),
    "NoContactPointIsListedTwice": Case(
        "insert into candidate.marketable_contacts select * from candidate.marketable_contacts"
        " where contact_id = 'web/1'",
        {"contact_id": "web/1", "rows_listed": 2},
    ),
    "EveryRenewalDueRowIsMarketable": Case(
        "delete from candidate.marketable_contacts where contact_id = 'web/1'", {"contact_id": "web/1"}
    ),
    "EveryRenewalDueRowLiesInItsWindow": Case(
        "update candidate.marketable_contacts set renewal_due_on = '2026-06-02' where contact_id = 'web/1'",
        {"contact_id": "web/1"},
        (
            "update candidate.marketable_contacts set expires_on = '2026-06-01' where contact_id = 'web/1';"
            "update candidate.renewal_due set expires_on = '2026-06-01', days_left = 0",
            "update candidate.marketable_contacts set renewal_due_on = '2026-06-01' where contact_id = 'web/1'",
        ),
    ),
    "EveryoneWhoseRenewalIsDueIsOnTheList": Case("delete from candidate.renewal_due", {"contact_id": "web/1"}),
    "NoRenewalIsAskedTwice": Case(
        "insert into candidate.renewal_due select * from candidate.renewal_due", {"contact_id": "web/1"}
    ),
    "NobodyIsAskedAgainWithinTheSpacing": Case(
        _ASKED.format(day="2026-05-12"),
        {"contact_id": "web/1"},
        (
            _ASKED.format(day="2026-05-11"),
            _ASKED.format(day="2026-06-01"),
            _ASKED.format(day="2026-05-12") + "update candidate.renewal_due set stage = 'asked_waiting'",
            _ASKED.format(day="2026-05-12").replace("newsletter", "events"),
            _ASKED.format(day="2026-05-12") + "update candidate.renewal_due set anchored_on = '2026-05-12'",
        ),
    ),
    "NoAddressIsAskedOnBehalfOfTwoContacts": Case(
        "insert into candidate.renewal_due (contact_id, address, channel, purpose, brand)"
        " select 'web/2', address, channel, purpose, brand from candidate.renewal_due",
        {"contact_id": "web/1", "other_contact_id": "web/2"},
    ),
}
STATEMENTS = {statement.__name__: statement for statement in statements()}


@pytest.fixture(scope="module")
def sound_warehouse(server: Any) -> Iterator[Connection]:
    with database.connect(embedded.url("statements", server)) as connection:
        database.ensure_raw(connection)
        world.build(connection)
        world.build_other_bases(connection)
        ledger.ensure_gate(connection)
        ledger.begin(connection, world.RUN, world.decided_for())
        yield connection


@pytest.fixture
def sound(sound_warehouse: Connection) -> Iterator[Connection]:
    with sound_warehouse.transaction(force_rollback=True):
        yield sound_warehouse


def _violations(connection: Connection, name: str, *, changed: bool = False) -> list[dict[str, Any]]:
    evidence.recompute_for_candidate(connection)
    cursor = connection.execute(STATEMENTS[name].sql(changed=changed))
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_every_statement_has_a_case_and_every_case_a_statement() -> None:
    assert set(CASES) == set(STATEMENTS)


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_statement_holds_on_what_is_sound_and_not_for_want_of_rows(sound: Connection, name: str) -> None:
    assert _violations(sound, name) == []
    row = sound.execute(f"select count(*) from {STATEMENTS[name].relation}").fetchone()
    assert row is not None
    assert row[0] > 0


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_violation_is_found_once_and_named(sound: Connection, name: str) -> None:
    sound.execute(CASES[name].violation.encode())
    found = _violations(sound, name)
    assert len(found) == 1
    assert found[0] | CASES[name].told == found[0]


BY_CONTACT = sorted(name for name, statement in STATEMENTS.items() if statement.by_contact)


@pytest.mark.parametrize("name", BY_CONTACT)
def test_a_violation_is_found_in_what_changed_as_it_is_in_all(sound: Connection, name: str) -> None:
    sound.execute(CASES[name].violation.encode())
    found = _violations(sound, name)
    world.publish_all_but(sound, *{row["contact_id"] for row in found})
    with scope.changed(sound, world.RUN) as contacts:
        assert contacts is not None
        assert _violations(sound, name, changed=True) == found


@pytest.mark.parametrize(
    ("name", "near_miss"), [(name, near_miss) for name in BY_CONTACT for near_miss in CASES[name].near_misses]
)
def test_what_is_just_lawful_is_not_found_in_what_changed(sound: Connection, name: str, near_miss: str) -> None:
    sound.execute(near_miss.encode())
    everybody = [row[0] for row in sound.execute("select contact_id from candidate.contacts")]
    for contact in everybody:
        with sound.transaction(force_rollback=True):
            world.publish_all_but(sound, contact)
            with scope.changed(sound, world.RUN) as contacts:
                assert contacts is not None
                assert _violations(sound, name, changed=True) == []


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_a_statement_reads_what_changed_or_all_but_not_both(name: str) -> None:
    query = STATEMENTS[name].sql(changed=True)
    copied = "|".join(relation.replace(".", "[.]") for relation in COPIED)
    read = {"all": re.search(rf"\b({copied})\b", query), "changed": re.search(rf"\b{CHANGED}[.]", query)}
    assert read["changed" if not STATEMENTS[name].by_contact else "all"] is None


@pytest.mark.parametrize(
    ("name", "near_miss"), [(name, near_miss) for name, case in sorted(CASES.items()) for near_miss in case.near_misses]
)
def test_what_is_just_lawful_is_not_found(sound: Connection, name: str, near_miss: str) -> None:
    sound.execute(near_miss.encode())
    assert _violations(sound, name) == []


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_violation_tells_no_address_and_no_name(sound: Connection, name: str) -> None:
    sound.execute(CASES[name].violation.encode())
    told = {str(value) for row in _violations(sound, name) for value in row.values()}
    assert told.isdisjoint(world.PERSONAL_DATA)
    columns = {column for row in _violations(sound, name) for column in row}
    assert columns.isdisjoint({"address", "first_name", "last_name", "company", "payload"})


@pytest.mark.parametrize(
    "change",
    [
        _GRANT_1.format(change="birth_date_text = '12-05'") + _BORN.format(on="null"),  # no year can be read
        _GRANT_1.format(change="birth_date_text = '12-05-2014'"),  # the models did not read it
    ],
)
def test_a_birth_date_that_was_not_read_is_no_adult_s(sound: Connection, change: str) -> None:
    sound.execute(change.encode())
    assert len(_violations(sound, "NobodyMarketableConsentedAsAChild")) == 1


def test_the_country_of_a_kind_of_file_asks_for_its_confirmation(sound: Connection) -> None:
    sound.execute(_GRANT_1.format(change="default_country = 'DE'").encode())
    assert len(_violations(sound, "EveryConsentThatNeedsAConfirmationHasIt")) == 1


@pytest.mark.parametrize("basis", ["soft_opt_in", "legitimate_interest", "published_address"])
def test_only_consent_comes_back_after_a_withdrawal(sound: Connection, basis: str) -> None:
    sound.execute("update candidate.marketable_contacts set basis = %s where contact_id = 'web/2'", (basis,))
    assert [row["restriction_id"] for row in _violations(sound, "NobodyMarketableHasWithdrawn")] == ["web/2"]


def test_a_source_that_holds_nothing_at_all_never_passes(sound: Connection) -> None:
    sound.execute("update registry.connectors set max_drop_percent = 100")
    sound.execute(_SHRUNK.format(total=1).encode())
    assert len(_violations(sound, "NoSourceShrankMoreThanItsRegistryRowAllows")) == 0
    sound.execute("delete from raw.populations where total = 1")
    sound.execute(_SHRUNK.format(total=0).encode())
    assert len(_violations(sound, "NoSourceShrankMoreThanItsRegistryRowAllows")) == 1


def test_a_drop_is_not_forgotten_because_the_next_count_is_as_low(sound: Connection) -> None:
    for minutes in (9, 8):
        sound.execute(
            f"insert into raw.populations values"
            f" ('crm', 'hubspot.contacts', {_NOW} - interval '{minutes} minutes', 100)".encode()
        )
    assert len(_violations(sound, "NoSourceShrankMoreThanItsRegistryRowAllows")) == 1


def test_a_source_without_a_limit_may_not_shrink_at_all(sound: Connection) -> None:
    sound.execute("delete from registry.connectors")
    sound.execute(_SHRUNK.format(total=999).encode())
    assert len(_violations(sound, "NoSourceShrankMoreThanItsRegistryRowAllows")) == 1


@pytest.mark.parametrize("rows", ["null", "0"])
def test_a_watched_mart_that_is_gone_or_empty_never_passes(sound: Connection, rows: str) -> None:
    sound.execute("update registry.gate_limits set max_drop_percent = 100")
    sound.execute(_MART.format(rows=rows).encode())
    assert len(_violations(sound, "NoMartShrankMoreThanItsLimitAllows")) == 1


def test_an_accepted_size_of_a_mart_counts_until_the_next_publication(sound: Connection) -> None:
    sound.execute(_ACCEPTED.format(source="marts", object="marketable_contacts", total=2, by="accepted_by").encode())
    sound.execute(
        "update gate.mart_volumes set published_rows = 10, candidate_rows = 2,"
        " published_at = clock_timestamp() + interval '1 second' where relation = 'marketable_contacts'"
    )
    assert len(_violations(sound, "NoMartShrankMoreThanItsLimitAllows")) == 1


@pytest.mark.parametrize(
    ("statement", "change"),
    [
        *[
            ("EverySoftOptInRestsOnASaleThatAllowsIt", _RECEIVED.format(event="s1", change=change))
            for change in (
                "order_id = ''",
                "product_category = null",
                "product_category = 'training'",
                "opt_out_offered_at_collection = null",
                "email = 'klant@elders.example'",
                "channel = 'sms'",
                "purpose = 'events'",
                "brand = 'zuid'",
                "source = 'web'",  # a lead channel that does not allow it
                "source = 'nobody'",
            )
        ],
        ("EverySoftOptInRestsOnASaleThatAllowsIt", _RECALL.format(at=_AFTER, source="shop", refers="refers_to_event_id", to="s1")),
        *[
            ("EveryLegitimateInterestIsAssessed", _REVIEWED.format(change=change))
            for change in (
                "state = 'draft'",
                "approved_on = null",
                "approved_on = '2026-06-02'",
                "channels = 'post'",
                "purposes = 'events'",
                "brands = 'zuid'",
            )
        ],
        *[
            ("EveryLegitimateInterestWasToldInTime", change)
            for change in (
                _RECEIVED.format(event="s2", change="phone = '+31207654321'"),
                _RECEIVED.format(event="s2", change="brand = 'zuid'"),
                "update registry.lead_channels set allowed_bases = 'consent|soft_opt_in' where lead_channel = 'counter'",
                "update registry.lead_channels set state = 'legal_review' where lead_channel = 'counter'",
                "update candidate.consent_events set occurred_at = timestamptz '2026-06-02 10:00+00' where event_key = 'shop/s3'",
                _RECALL.format(at=_AFTER, source="shop", refers="refers_to_event_id", to="s2"),
            )
        ],
        *[
            ("EveryPublishedAddressWasMadeKnownForItsUse", _RECEIVED.format(event="s4", change=change))
            for change in (
                "publication_url = ''",
                "publication_snapshot = null",
                "published_purposes = null",
                "published_purposes = '*'",  # what a publication says is read as it stands
                "email = 'sales@firma.example'",
                "purpose = 'events'",
            )
        ],
        ("EveryOtherBasisIsAllowedByTheMatrix", "update candidate.contacts set recipient_form = 'sole_trader' where contact_id = 'called'"),
        ("EveryOtherBasisIsAllowedByTheMatrix", "update candidate.contacts set country = 'FR' where contact_id = 'published'"),
    ],
)  # fmt: skip
def test_each_requirement_of_a_basis_is_judged_by_itself(sound: Connection, statement: str, change: str) -> None:
    sound.execute(change.encode())
    assert len(_violations(sound, statement)) == 1
