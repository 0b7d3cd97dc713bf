"""Shapes that real Mailchimp accounts return, on the whole road."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from optkeeper.landing.land import Landing
from optkeeper.registry import pulled_source
from optkeeper.samples.mailchimp import API_KEY, EVENTS, NEWSLETTER, MailchimpServer, instant_text
from optkeeper.sources.mailchimp import Mailchimp
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import Road, road
from tests.road.test_restrictions_survive import _grant

SIGNED_UP = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
FIRST_PULL = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
LEFT = datetime(2026, 10, 3, 9, 0, tzinfo=UTC)
SYNCED = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
IP = "192.0.2.1"
WAYS = {
    "api": "API - Generic", "shop": "Shopify", "unknown": "Unknown", "absent": "", "import": "Import from beurs.csv",
    "admin": "Admin Add", "form": "Embed Form", "hosted": "HOSTED SIGNUP FORM",
}  # fmt: skip
GERMAN = {"ADDRESS": {"addr1": "", "city": "", "zip": "", "country": "DE"}}


def _add(account: MailchimpServer, name: str, list_id: str = NEWSLETTER, **more: Any) -> str:
    signed_up = {"signup_at": SIGNED_UP, "ip_signup": IP, "opt_at": SIGNED_UP, "ip_opt": IP, "at": SIGNED_UP}
    return account.add_member(list_id, f"{name}@noord.example", **{**signed_up, **more})


def _sync(account: MailchimpServer, member: str, at: datetime, **more: Any) -> None:
    """A program sets a member to subscribed, with new times."""
    times = {"timestamp_signup": instant_text(at), "timestamp_opt": instant_text(at + timedelta(seconds=4))}
    account.update_member(NEWSLETTER, member, at=at + timedelta(seconds=5), status="subscribed", **{**times, **more})


def _first_pull(account: MailchimpServer) -> dict[str, str]:
    for name, origin in WAYS.items():
        _add(account, name, origin=origin)
    _add(account, "no-ip", ip_signup="")
    _add(account, "import-without-ip", origin="Import from x.csv", ip_signup="")
    day = timedelta(days=1)
    _add(account, "confirmed", EVENTS, opt_at=SIGNED_UP + day, merge_fields=GERMAN)
    _add(account, "seconds", opt_at=SIGNED_UP + timedelta(seconds=7), merge_fields=GERMAN)
    _add(account, "dutch", opt_at=SIGNED_UP + timedelta(seconds=7))
    ids = {"pending": _add(account, "pending", origin="API - Generic", status="pending", opt_at=None, ip_opt="")}
    for name in ("synced", "synced-api", "came-back", "clicked-on", "kept", "archived", "touched", "in-and-out"):
        ids[name] = _add(account, name)
    # who was out and in again before the first pull
    ids["before"] = _add(account, "before")
    account.unsubscribe(NEWSLETTER, ids["before"], at=LEFT)
    _sync(account, ids["before"], SYNCED, ip_signup=IP)
    ids["never-seen"] = _add(account, "never-seen")
    account.update_member(NEWSLETTER, ids["never-seen"], at=SYNCED, status="archived")
    sms = {"sms_phone_number": "+31612340001", "sms_subscription_status": "unsubscribed"}
    account.update_member(NEWSLETTER, _add(account, "texts"), at=SYNCED, **sms)
    return ids


def _later(account: MailchimpServer, ids: dict[str, str]) -> None:
    """What happened between two pulls."""
    clicked_at = SIGNED_UP + timedelta(hours=2)
    account.update_member(
        NEWSLETTER, ids["pending"], at=SYNCED, status="subscribed", timestamp_opt=instant_text(clicked_at), ip_opt=IP
    )
    for name in ("synced", "synced-api", "came-back"):
        account.unsubscribe(NEWSLETTER, ids[name], at=LEFT)
    _sync(account, ids["synced"], SYNCED, ip_signup=IP, ip_opt=IP)
    _sync(account, ids["synced-api"], SYNCED, source="API - Generic")
    _sync(account, ids["came-back"], SYNCED, ip_signup=IP)
    account.add_activity(NEWSLETTER, ids["came-back"], "website_signup", at=SYNCED)
    # signed up by the page, left at once, and a program brought it back
    account.add_activity(NEWSLETTER, ids["in-and-out"], "website_signup", at=SYNCED)
    account.unsubscribe(NEWSLETTER, ids["in-and-out"], at=SYNCED + timedelta(minutes=5))
    _sync(account, ids["in-and-out"], SYNCED + timedelta(minutes=8), ip_signup=IP)
    # preference page, then the recycle bin
    account.unsubscribe(NEWSLETTER, ids["archived"], at=LEFT)
    account.update_member(NEWSLETTER, ids["archived"], at=SYNCED, status="archived")
    # a program moves the times of who never left
    _sync(account, ids["touched"], SYNCED, ip_signup=IP, ip_opt=IP)


def _pulled(travelled: Road, account: MailchimpServer, now: datetime) -> None:
    source = Mailchimp(
        pulled_source("esp"), ConnectionDetails(password=API_KEY, extra={"base_url": account.url}), now=lambda: now
    )
    with travelled.connected() as connection:
        landing = Landing(connection, "esp")
        landing.land(source.pull(landing.ledger))


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled, MailchimpServer() as account:
        account.add_list(NEWSLETTER, "Nieuwsbrief", at=SIGNED_UP)
        account.add_list(EVENTS, "Evenementen", at=SIGNED_UP, double_optin=True)
        travelled.events([_grant("never-seen"), _grant("archived"), _grant("texts", phone="+31612340001")])
        ids = _first_pull(account)
        _pulled(travelled, account, FIRST_PULL)
        _later(account, ids)
        _pulled(travelled, account, SYNCED + timedelta(days=1))
        names = [*WAYS, *ids, "no-ip", "import-without-ip", "seconds", "dutch", "texts"]
        asked: list[dict[str, Any]] = [{"id": name, "address": f"{name}@noord.example"} for name in names]
        asked += [
            {"id": f"{name}/events", "address": f"{name}@noord.example", "purpose": "events"}
            for name in ("confirmed", "never-seen", "archived")
        ]
        asked += [{"id": "texts/sms", "address": "+31612340001", "channel": "sms"}]
        asked += [{"id": "touched/2028-10", "address": "touched@noord.example", "as_of": "2028-10-01T00:00:00Z"}]
        yield travelled.ask(asked)


@pytest.mark.parametrize("name", ["form", "hosted", "dutch", "kept"])
def test_a_registered_way_in_shows_its_text(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is True, answers[name]


@pytest.mark.parametrize("name", ["api", "shop", "unknown", "absent", "import", "admin", "no-ip", "import-without-ip"])
def test_another_way_in_shows_no_text_whatever_it_claims(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert (answers[name]["marketable"], answers[name]["reason"]) == (False, "evidence_incomplete")


def test_a_member_that_a_program_added_may_confirm_and_proves_no_text(answers: dict[str, dict[str, Any]]) -> None:
    assert (answers["pending"]["marketable"], answers["pending"]["reason"]) == (False, "evidence_incomplete")


@pytest.mark.parametrize("name", ["synced", "synced-api", "before", "in-and-out"])
def test_who_left_stays_withdrawn_when_a_program_subscribes_it_again(
    name: str, answers: dict[str, dict[str, Any]]
) -> None:
    assert (answers[name]["marketable"], answers[name]["reason"]) == (False, "withdrawn")


def test_who_left_and_signs_up_again_in_a_registered_way_is_back(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["came-back"]["marketable"] is True


def test_a_program_that_moves_the_times_renews_nothing(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["touched"]["expires_on"] == date(2028, 3, 1)
    assert answers["touched/2028-10"]["marketable"] is False


def test_an_opt_in_seconds_later_confirms_nothing_where_nobody_was_asked(answers: dict[str, dict[str, Any]]) -> None:
    assert (answers["seconds"]["marketable"], answers["seconds"]["reason"]) == (False, "confirmation_lapsed")
    assert answers["confirmed/events"]["marketable"] is True


@pytest.mark.parametrize("name", ["archived", "never-seen"])
def test_who_is_archived_with_its_last_state_unknown_has_withdrawn_from_the_list(
    name: str, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[name]["reason"] == "withdrawn"
    assert answers[f"{name}/events"]["marketable"] is True


def test_an_sms_opt_out_is_of_the_number_and_its_channel(answers: dict[str, dict[str, Any]]) -> None:
    assert (answers["texts/sms"]["marketable"], answers["texts/sms"]["reason"]) == (False, "withdrawn")
    assert answers["texts"]["marketable"] is True
