"""R2, R8, R22: every known scope has one decision that says since when, what gave it, and what its last day counts from."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.road.road import road

FORM = {"method": "form", "form_url": "https://noord.example/aanmelden", "text_version": "noord-all-v1"}
NOW = datetime.now(UTC).replace(microsecond=0)


def _ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def _happened(who: str, what: str, days: int, source: str = "web", **fields: Any) -> dict[str, Any]:
    at = _ago(days).isoformat()
    return {
        "event_id": f"{who}-{what}", "source": source, "type": what, "occurred_at": at, "received_at": at,
        "contact": {"email": f"{who}@noord.example"},
    } | fields  # fmt: skip


EVENTS = [
    _happened("kept", "consent_given", 400, "web_doi", evidence=FORM),
    _happened("kept", "consent_confirmed", 399, "web_doi"),
    _happened("kept", "visit", 100),
    _happened("bounced", "consent_given", 300, evidence=FORM),
    _happened("bounced", "email_bounced", 50, "esp", bounce="hard"),
    _happened("bare", "consent_given", 200, evidence={"method": "form", "text_version": "noord-all-v1"}),
    _happened("lapsed", "consent_given", 1000, evidence=FORM),
    _happened("left", "consent_given", 600, evidence=FORM),
    _happened("left", "consent_withdrawn", 500, channel="email"),
    _happened("left", "objection_raised", 30),
    _happened("left", "spam_complaint", 20, "esp"),
    _happened("known", "contact_upserted", 90, "crm"),
    _happened("known", "consent_refused", 80),
    # a record of long ago that is known last
    _happened(
        "kept",
        "contact_upserted",
        700,
        "crm",
        received_at=_ago(0).isoformat(),
        contact={"email": "kept@noord.example", "company": "Kept BV"},
    ),  # fmt: skip
]

Decided = dict[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def marts() -> Iterator[dict[str, list[dict[str, Any]]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as built:
        built.events(EVENTS)
        built.build("+marketable_contacts", "+suppressions", "+contacts")
        with built.connected() as connection, connection.cursor(row_factory=dict_row) as cursor:
            yield {
                mart: cursor.execute(f"select * from candidate.{mart}".encode()).fetchall()
                for mart in ("decisions", "marketable_contacts", "suppressions", "contacts")
            }


@pytest.fixture(scope="module")
def newsletter(marts: dict[str, list[dict[str, Any]]]) -> Decided:
    """The decisions for the newsletter by e-mail, by the part of the address that names the case."""
    return {
        row["address"].partition("@")[0]: row
        for row in marts["decisions"]
        if (row["channel"], row["purpose"], row["brand"]) == ("email", "newsletter", "noord")
    }


def test_a_yes_names_its_grant_its_text_and_the_act_that_its_last_day_counts_from(newsletter: Decided) -> None:
    kept = newsletter["kept"]
    assert (kept["marketable"], kept["status"], kept["reason"]) == (True, "ConsentGiven", "ok")
    assert (kept["granted_by"], kept["text_version"]) == ("web_doi/kept-consent_given", "noord-all-v1")
    assert kept["evidence_id"] == "web_doi/kept-consent_confirmed"
    assert kept["anchored_by"] == "web/kept-visit"
    assert kept["granted_on"] < kept["anchored_on"] < kept["expires_on"]
    assert kept["since"] == _ago(399)
    assert kept["until"].date() >= kept["expires_on"]
    assert kept["because_of"] is None


def test_a_bounce_is_named_as_the_cause(newsletter: Decided) -> None:
    bounced = newsletter["bounced"]
    assert (bounced["status"], bounced["reason"]) == ("ConsentGiven", "undeliverable")
    assert (bounced["because_of"], bounced["since"]) == ("esp/bounced-email_bounced", _ago(50))


def test_a_record_that_does_not_count_is_named_as_the_cause(newsletter: Decided) -> None:
    bare = newsletter["bare"]
    assert (bare["reason"], bare["because_of"]) == ("evidence_incomplete", "web/bare-consent_given")


def test_of_what_time_has_ended_no_event_is_the_cause(newsletter: Decided) -> None:
    lapsed = newsletter["lapsed"]
    assert (lapsed["status"], lapsed["reason"], lapsed["because_of"]) == ("ConsentExpired", "expired", None)
    assert _ago(1000) < lapsed["since"] < NOW


def test_of_several_restrictions_the_one_that_the_reason_speaks_of_is_named(newsletter: Decided) -> None:
    left = newsletter["left"]
    assert (left["status"], left["reason"]) == ("ConsentWithdrawn", "objected")
    assert (left["because_of"], left["since"]) == ("web/left-objection_raised", _ago(30))


def test_a_scope_that_only_a_restriction_reaches_names_it(newsletter: Decided) -> None:
    known = newsletter["known"]
    assert (known["status"], known["reason"]) == ("ConsentRefused", "refused")
    assert (known["because_of"], known["since"]) == ("web/known-consent_refused", _ago(80))


def test_the_halves_are_the_whole(marts: dict[str, list[dict[str, Any]]]) -> None:
    assert marts["marketable_contacts"]
    assert marts["suppressions"]
    assert len(marts["decisions"]) == len(marts["marketable_contacts"]) + len(marts["suppressions"])


def test_who_never_had_a_live_basis_is_not_called_expired(
    marts: dict[str, list[dict[str, Any]]], newsletter: Decided
) -> None:
    lifecycle = {row["contact_id"]: row["lifecycle"] for row in marts["contacts"]}
    assert {who: lifecycle[row["contact_id"]] for who, row in newsletter.items()} == {
        "kept": "active", "bounced": "blocked", "bare": "never_permitted", "lapsed": "expired", "left": "blocked",
        "known": "blocked",
    }  # fmt: skip


def test_origins_and_dates_follow_what_happened_and_not_what_was_pulled_first(
    marts: dict[str, list[dict[str, Any]]], newsletter: Decided
) -> None:
    kept = newsletter["kept"]
    (contact,) = (row for row in marts["contacts"] if row["contact_id"] == kept["contact_id"])
    assert (kept["source"], kept["lead_channel"]) == ("web_doi", "web_form")
    assert (contact["lead_channel"], contact["company"], contact["domain"]) == (
        "sales_entry",
        "Kept BV",
        "noord.example",
    )
    assert contact["first_seen_on"] < kept["granted_on"]
    assert (kept["granted_on"] - contact["first_seen_on"]).days in (299, 300, 301)
