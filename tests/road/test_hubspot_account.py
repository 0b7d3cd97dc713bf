"""Shapes that real HubSpot accounts return, on the whole road."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from optkeeper.landing.pull import pull
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import EVENTS, NEWSLETTER, TOKEN, HubSpotServer
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import Road, road
from tests.road.test_restrictions_survive import _grant

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
GRANTED = (
    "all", "one", "extra", "stays", "archived", "restored", "toggled", "unmapped", "old", "new", "kept", "forgotten",
    "optout", "optnew", "late", "gone", "joined", "branded",
)  # fmt: skip


def _pulled(travelled: Road, account: HubSpotServer, **extra: str) -> None:
    details = ConnectionDetails(password=TOKEN, extra={"base_url": account.url, **extra})
    with travelled.connected() as connection:
        pull(connection, pulled_source("crm"), details)


def _fill(account: HubSpotServer) -> str:
    """An account that did it all between two pulls; answers the contact that will be deleted."""
    for number, name in ((NEWSLETTER, "Nieuwsbrief"), (EVENTS, "Evenementen"), (412077, "Partneraanbod")):
        account.define_subscription(number, name, at=AT)
    ids = {
        name: account.add_contact({"email": f"{name}@noord.example"}, at=AT)
        for name in (
            "all",
            "one",
            "archived",
            "restored",
            "toggled",
            "unmapped",
            "old",
            "kept",
            "forgotten",
            "optout",
            "branded",
        )
    }
    account.add_contact({"email": "main@noord.example", "hs_additional_emails": "extra@noord.example"}, at=AT)
    account.add_contact({"email": "first@noord.example", "hs_additional_emails": "late@noord.example"}, at=AT)
    for name, source in (
        ("all", "PORTAL_WIDE_STATUS"),
        ("one", "SUBSCRIPTION_STATUS"),
        ("branded", "BRAND_WIDE_STATUS"),
        ("extra", "PORTAL_WIDE_STATUS"),
        ("archived", "SUBSCRIPTION_STATUS"),
    ):
        account.set_status(f"{name}@noord.example", EVENTS, "UNSUBSCRIBED", at=AT, source=source)
    account.archive_contact(ids["archived"], at=AT.replace(hour=7))
    # the history alone tells that there was an opt-out
    for name, subscription in (("restored", EVENTS), ("toggled", EVENTS), ("unmapped", 412077)):
        account.update_contact(ids[name], {f"hs_email_optout_{subscription}": "true"}, at=AT.replace(hour=7))
        account.update_contact(ids[name], {f"hs_email_optout_{subscription}": "false"}, at=AT.replace(hour=8))
    account.archive_contact(ids["restored"], at=AT.replace(hour=9))
    # what befell the contact befell the address that it had
    account.update_contact(ids["old"], {"hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"}, at=AT.replace(hour=11))
    account.update_contact(ids["old"], {"email": "new@noord.example"}, at=AT.replace(hour=12))
    account.update_contact(ids["optout"], {"hs_email_optout": "true"}, at=AT.replace(hour=11))
    account.update_contact(ids["optout"], {"email": "optnew@noord.example"}, at=AT.replace(hour=12))
    _resubscribe(account)
    return ids["forgotten"]


def _resubscribe(account: HubSpotServer) -> None:
    """Consents of HubSpot's own, some after an opt-out, made by a form or by a program."""
    consent = {"legal_basis": "CONSENT_WITH_NOTICE", "explanation": "noord-news-v2"}
    for name, returns_by in (("by-form", "FORM"), ("by-program", "INTEGRATION"), ("by-hand", "CRM_UI")):
        account.add_contact({"email": f"{name}@noord.example"}, at=AT)
        account.set_status(f"{name}@noord.example", NEWSLETTER, "UNSUBSCRIBED", at=AT.replace(hour=7))
        account.set_status(
            f"{name}@noord.example", NEWSLETTER, "SUBSCRIBED", at=AT.replace(hour=8), source_type=returns_by, **consent
        )
    account.add_contact({"email": "first-time@noord.example"}, at=AT)
    account.set_status(
        "first-time@noord.example",
        NEWSLETTER,
        "SUBSCRIBED",
        at=AT.replace(hour=7),
        source_type="INTEGRATION",
        **consent,
    )
    account.add_contact({"email": "free-text@noord.example"}, at=AT)
    account.set_status(
        "free-text@noord.example", NEWSLETTER, "SUBSCRIBED", at=AT.replace(hour=7), source_type="FORM",
        legal_basis="CONSENT_WITH_NOTICE", explanation="Ja, stuur mij de nieuwsbrief.",
    )  # fmt: skip
    account.add_contact({"email": "text-of-form@noord.example"}, at=AT)
    account.set_status(
        "text-of-form@noord.example", NEWSLETTER, "SUBSCRIBED", at=AT.replace(hour=7), source_type="FORM",
        legal_basis="CONSENT_WITH_NOTICE",
    )  # fmt: skip


Account = tuple[dict[str, dict[str, Any]], dict[str, tuple[Any, ...]]]


@pytest.fixture(scope="module")
def travelled_account() -> Iterator[Account]:
    """The answers by question, and what has vanished by contact."""
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled, HubSpotServer() as account:
        travelled.events([_grant(name) for name in GRANTED])
        travelled.registered(
            "platform_ways_in.csv",
            "crm,412001|412009,list import|form,noord-news-v2,https://noord.example/,false,2018-05-25",
        )
        forgotten = _fill(account)
        gone, joined = (account.add_contact({"email": f"{name}@noord.example"}, at=AT) for name in ("gone", "joined"))
        notices = travelled.work / "notices"
        notices.mkdir()
        folder = {"privacy_deletions_url": notices.resolve().as_uri()}
        account.set_status(
            "gone@noord.example", NEWSLETTER, "SUBSCRIBED", at=AT,
            legal_basis="CONSENT_WITH_NOTICE", explanation="noord-news-v2",
        )  # fmt: skip
        _pulled(travelled, account, **folder)
        account.delete_contact_for_privacy(gone)
        (notices / "body.json").write_text(json.dumps([account.delete_contact_for_privacy(forgotten)]))
        account.merge_contacts(
            account.add_contact({"email": "survivor@noord.example"}, at=AT), joined, at=datetime.now(UTC)
        )
        # no contact's record changes; the registry's interval has passed
        account.set_status("late@noord.example", EVENTS, "UNSUBSCRIBED", at=AT)
        with travelled.connected() as connection:
            connection.execute(
                "update raw.cursors set state = '{\"read_at\": \"2026-03-01T00:00:00+00:00\"}' where stream = 'statuses'"
            )
        _pulled(travelled, account, **folder)
        travelled.build("+vanished_contacts")
        with travelled.connected() as connection:
            rows = connection.execute(
                "select source_contact_id, is_erasure_requested, permitted_scopes, permits, expires_on is null"
                " from candidate.vanished_contacts where source = 'crm'"
            ).fetchall()
        named = {forgotten: "forgotten", gone: "gone"}
        vanished = {named.get(row[0], "another"): row[1:] for row in rows}
        answers = travelled.ask(
            [
                {"id": f"{name}/{purpose}", "address": f"{name}@noord.example", "purpose": purpose}
                for name in (*GRANTED, "by-form", "by-program", "by-hand", "first-time", "text-of-form", "free-text")
                for purpose in ("newsletter", "events")
            ]
        )
        yield answers, vanished


@pytest.fixture
def answers(travelled_account: Account) -> dict[str, dict[str, Any]]:
    return travelled_account[0]


@pytest.fixture
def vanished(travelled_account: Account) -> dict[str, tuple[Any, ...]]:
    return travelled_account[1]


@pytest.mark.parametrize(
    ("asked", "is_marketable"),
    [
        ("all/newsletter", False), ("all/events", False), ("extra/newsletter", False), ("extra/events", False),
        ("branded/newsletter", False), ("branded/events", False), ("one/newsletter", True), ("one/events", False), ("stays/newsletter", True), ("stays/events", True),
    ],
)  # fmt: skip
def test_an_opt_out_of_the_whole_portal_stops_every_purpose(
    asked: str, is_marketable: bool, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[asked]["marketable"] is is_marketable, answers[asked]


@pytest.mark.parametrize("name", ["archived", "restored", "toggled"])
def test_an_opt_out_of_one_subscription_stands_whatever_became_of_the_contact(
    name: str, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[f"{name}/events"]["reason"] == "withdrawn"
    assert answers[f"{name}/newsletter"]["marketable"] is True


@pytest.mark.parametrize("purpose", ["newsletter", "events"])
def test_an_opt_out_of_a_subscription_that_the_registry_does_not_know_is_of_all(
    purpose: str, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[f"unmapped/{purpose}"]["reason"] == "withdrawn"


def test_a_bounce_is_of_the_address_of_its_moment(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["old/events"]["reason"] == "undeliverable"
    assert answers["new/events"]["marketable"] is True


def test_an_opt_out_is_of_the_person_and_of_the_address_of_its_moment(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["optout/events"]["reason"] == "withdrawn"
    assert answers["optnew/events"]["reason"] == "withdrawn"


def test_a_notice_of_a_privacy_deletion_stops_everything(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["forgotten/events"]["reason"] == "erased"
    assert answers["kept/events"]["marketable"] is True


def test_an_additional_address_whose_status_alone_changed_is_read(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["late/events"]["reason"] == "withdrawn"
    assert answers["late/newsletter"]["marketable"] is True


def test_after_an_opt_out_only_a_registered_way_in_restores(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["by-form/newsletter"]["marketable"] is True
    assert answers["by-program/newsletter"]["reason"] == "withdrawn"
    assert answers["by-hand/newsletter"]["reason"] == "withdrawn"


def test_a_first_consent_proves_the_text_that_it_names_or_that_its_way_in_showed(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert answers["first-time/newsletter"]["marketable"] is True
    assert answers["text-of-form/newsletter"]["marketable"] is True
    assert answers["free-text/newsletter"]["marketable"] is True


def test_who_vanished_is_listed_with_what_still_rests_on_it(vanished: dict[str, tuple[Any, ...]]) -> None:
    assert vanished == {"forgotten": (True, 0, None, True), "gone": (False, 1, "email/newsletter/noord", False)}


def test_that_a_contact_vanished_is_no_event(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["gone/newsletter"]["marketable"] is True
    assert answers["joined/events"]["marketable"] is True
