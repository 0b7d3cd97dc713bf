"""Mailchimp is read to exhaustion, page by page, and whatever it does, nothing is lost and nothing comes twice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from optkeeper import settings
from optkeeper.landing.land import Landing
from optkeeper.registry import RegisteredSource, pulled_source
from optkeeper.samples.mailchimp import (
    API_KEY,
    BY_ADMIN,
    EVENTS,
    IMPORTER_IP,
    NEWSLETTER,
    PERMISSION,
    Fault,
    MailchimpServer,
    instant_text,
    populate,
    subscriber_hash,
)
from optkeeper.samples.people import people
from optkeeper.sources import mailchimp
from optkeeper.sources.http import ATTEMPTS, SourceError
from optkeeper.sources.mailchimp import Mailchimp
from optkeeper.sources.stream import (
    ConnectionDetails,
    Cursor,
    Listed,
    ListingEnded,
    Population,
    RawAddress,
    Received,
    StreamItem,
)
from optkeeper.warehouse import database, embedded

from tests.sources.kept import MORNING, YESTERDAY, Waits
from tests.sources.kept import Kept as Whole

PAGE = 50
LINK = "https://noord.example/nieuws/1"
MEMBERS = f"/3.0/lists/{NEWSLETTER}/members"


class Kept(Whole):
    """A ledger and what was landed, with what the tests of members ask of it."""

    def of(self, object_: str) -> list[dict[str, Any]]:
        return [row for (name, _, _), row in self.rows.items() if name == object_]

    @property
    def received(self) -> int:
        """How many versions of members came, the same ones again included."""
        return self.seen[mailchimp.MEMBERS]

    def ids_of(self, object_: str = mailchimp.MEMBERS) -> set[str]:
        return {id_.removeprefix(f"{NEWSLETTER}/") for name, id_, _ in self.rows if name == object_}


@pytest.fixture
def account() -> Iterator[MailchimpServer]:
    with MailchimpServer() as server:
        server.add_list(NEWSLETTER, "Nieuwsbrief", at=YESTERDAY)
        yield server


@pytest.fixture
def esp() -> RegisteredSource:
    return pulled_source("esp")


def source_of(
    server: MailchimpServer,
    esp: RegisteredSource,
    *,
    now: datetime = MORNING,
    sleep: Any = None,
    key: str = API_KEY,
    page: int = PAGE,
) -> Mailchimp:
    details = ConnectionDetails(password=key, extra={"base_url": server.url})
    return Mailchimp(esp, details, now=lambda: now, sleep=Waits() if sleep is None else sleep, page=page)


def fill(
    server: MailchimpServer,
    count: int,
    *,
    at: datetime = YESTERDAY,
    apart: timedelta = timedelta(minutes=1),
    name: str = "p",
) -> list[str]:
    """So many members, each changed that much after the one before; answers their ids."""
    return [
        server.add_member(NEWSLETTER, f"{name}{number}@firma.example", at=at + number * apart)
        for number in range(count)
    ]


def pages_read(server: MailchimpServer, path: str = MEMBERS) -> int:
    return sum(
        asked == path and query.get("status") is None and "fields" not in query for asked, query in server.requests
    )


# Members


@pytest.mark.parametrize("members", [0, 1, 49, 50, 51, 100, 120])
def test_a_first_load_reads_every_page(account: MailchimpServer, esp: RegisteredSource, members: int) -> None:
    ids = fill(account, members)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.ids_of() == set(ids)
    assert kept.received == members
    assert kept.populations == [Population(mailchimp.MEMBERS, members)]
    assert kept.cursors == {
        f"members/{NEWSLETTER}": {"until": MORNING.isoformat()},
        f"members/{NEWSLETTER}/archived": {"until": MORNING.isoformat()},
        "listing": {"read_at": MORNING.isoformat()},
    }


@pytest.mark.parametrize(("members", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (98, 2)])
def test_no_page_is_read_behind_the_last_one(
    account: MailchimpServer, esp: RegisteredSource, members: int, pages: int
) -> None:
    fill(account, members)
    list(source_of(account, esp).pull(Kept()))
    assert pages_read(account) == pages


def test_all_audiences_are_read_and_counted(account: MailchimpServer, esp: RegisteredSource) -> None:
    account.add_list(EVENTS, "Evenementen", at=YESTERDAY)
    fill(account, 3)
    account.add_member(EVENTS, "p0@firma.example", at=YESTERDAY)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.populations == [Population(mailchimp.MEMBERS, 4)]
    assert kept.ids_of(mailchimp.LISTS) == {NEWSLETTER, EVENTS}
    assert len(kept.ids_of()) == 4


def test_a_member_is_kept_as_received_under_an_id_that_tells_no_address(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    contact = account.add_member(
        NEWSLETTER,
        "Anna@Firma.example",
        at=YESTERDAY,
        merge_fields={"FNAME": "Anna", "PHONE": "030 1234567", "ADDRESS": {"country": "de"}},
    )
    (received,) = [
        item
        for item in source_of(account, esp).pull(Kept())
        if isinstance(item, Received) and item.object == mailchimp.MEMBERS
    ]
    assert received.source_id == f"{NEWSLETTER}/{contact}"
    assert received.payload["email_address"] == "Anna@Firma.example"
    assert received.payload["timestamp_opt"] == ""
    assert received.addresses == (RawAddress("email", "Anna@Firma.example"), RawAddress("phone", "030 1234567", "DE"))


def test_a_member_keeps_its_id_when_its_address_changes(account: MailchimpServer, esp: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    account.update_member(NEWSLETTER, contact, at=MORNING + timedelta(hours=1), email="nieuw@firma.example")
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=2)).pull(kept))
    assert [row["email_address"] for row in kept.of(mailchimp.MEMBERS)] == ["p0@firma.example", "nieuw@firma.example"]
    assert kept.ids_of() == {contact}


@pytest.mark.parametrize(
    ("ids", "key"),
    [
        ({"contact_id": "", "web_id": 77, "unique_email_id": "u1"}, "77"),
        ({"contact_id": None, "web_id": None, "unique_email_id": "u1"}, "u1"),
    ],
)
def test_an_account_without_contact_ids_has_others(
    account: MailchimpServer, esp: RegisteredSource, ids: dict[str, Any], key: str
) -> None:
    account.add_malformed(NEWSLETTER, {**a_member(), **ids})
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.ids_of() == {key}
    assert kept.broken == []


def test_an_incremental_pull_reads_only_what_changed(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 120)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    account.update_member(NEWSLETTER, ids[7], at=MORNING + timedelta(hours=2), merge_fields={"FNAME": "Bas"})
    kept.seen.clear()
    later = MORNING + timedelta(days=1)
    kept.take(source_of(account, esp, now=later).pull(kept))
    assert kept.received == 1
    names = [
        row["merge_fields"]["FNAME"]
        for (name, id_, _), row in kept.rows.items()
        if name == mailchimp.MEMBERS and id_.endswith(ids[7])
    ]
    assert names == ["", "Bas"]
    assert kept.cursors[f"members/{NEWSLETTER}"] == {"until": later.isoformat()}


def test_a_second_pull_adds_nothing(account: MailchimpServer, esp: RegisteredSource) -> None:
    fill(account, 60, at=MORNING - timedelta(minutes=90))
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    before = dict(kept.rows)
    kept.take(source_of(account, esp, now=MORNING + timedelta(minutes=1)).pull(kept))
    assert kept.rows == before


@pytest.mark.parametrize("changed", [49, 50, 51, 100, 149, 150, 151, 333])
def test_more_members_of_one_instant_than_a_page_holds_all_come(
    account: MailchimpServer, esp: RegisteredSource, changed: int
) -> None:
    ids = fill(account, changed, apart=timedelta(0))
    ids += fill(account, 30, at=YESTERDAY + timedelta(hours=1), name="q")
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.ids_of() == set(ids)
    bulk_edit = MORNING + timedelta(hours=1)
    for id_ in ids:
        account.update_member(NEWSLETTER, id_, at=bulk_edit, merge_fields={"COMPANY": "Firma"})
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=2)).pull(kept))
    edited = [row for row in kept.of(mailchimp.MEMBERS) if row["merge_fields"].get("COMPANY") == "Firma"]
    assert {row["contact_id"] for row in edited} == set(ids)


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=1), timedelta(minutes=1)])
@pytest.mark.parametrize("edited", [slice(0, 5), slice(0, 40), slice(20, 48), slice(0, 50), slice(45, 55)])
def test_members_who_are_edited_while_pages_are_read_make_nobody_else_vanish(
    account: MailchimpServer, esp: RegisteredSource, apart: timedelta, edited: slice
) -> None:
    ids = fill(account, 170, apart=apart)
    kept = Kept()
    changed = 0

    def stream() -> Iterator[StreamItem]:
        nonlocal changed
        seen = 0
        for item in source_of(account, esp).pull(kept):
            yield item
            seen += isinstance(item, Received) and item.object == mailchimp.MEMBERS
            if seen == PAGE and not changed:
                for id_ in ids[edited]:
                    account.update_member(NEWSLETTER, id_, at=MORNING + timedelta(seconds=1), status="unsubscribed")
                    changed += 1

    kept.take(stream())
    assert changed
    never_read = set(ids) - kept.ids_of()
    assert never_read <= set(ids[edited])
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=1)).pull(kept))
    assert kept.ids_of() == set(ids)
    assert {row["contact_id"] for row in kept.of(mailchimp.MEMBERS) if row["status"] == "unsubscribed"} == set(
        ids[edited]
    )


def test_a_change_that_shows_late_is_found_in_the_overlap(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 2)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    account.update_member(NEWSLETTER, ids[0], at=MORNING - timedelta(minutes=14), merge_fields={"FNAME": "Laat"})
    account.update_member(NEWSLETTER, ids[1], at=MORNING - timedelta(minutes=16), merge_fields={"FNAME": "Te laat"})
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=1)).pull(kept))
    assert {row["merge_fields"]["FNAME"] for row in kept.of(mailchimp.MEMBERS)} == {"", "Laat"}


def test_a_change_after_the_window_s_end_comes_with_the_next_pull(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    (contact,) = fill(account, 1)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    account.update_member(NEWSLETTER, contact, at=MORNING + timedelta(hours=2), merge_fields={"FNAME": "Straks"})
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=1)).pull(kept))
    assert len(kept.of(mailchimp.MEMBERS)) == 1
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=3)).pull(kept))
    assert len(kept.of(mailchimp.MEMBERS)) == 2


def test_members_of_every_status_come_the_archived_too(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 126)
    statuses = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
    for number, contact in enumerate(ids):
        account.update_member(NEWSLETTER, contact, at=YESTERDAY, status=statuses[number % 6])
    kept = Kept()
    kept.take(source_of(account, esp, page=10).pull(kept))
    counted = {status: sum(row["status"] == status for row in kept.of(mailchimp.MEMBERS)) for status in statuses}
    assert counted == dict.fromkeys(statuses, 21)
    assert kept.populations == [Population(mailchimp.MEMBERS, 105)]


# Activity


def test_all_members_are_listed_at_the_registry_s_interval(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 25)
    account.update_member(NEWSLETTER, ids[3], at=YESTERDAY, status="archived")
    ledger = Kept()

    def listed(after: timedelta) -> list[set[str]]:
        stream = list(source_of(account, esp, now=MORNING + after, page=10).pull(ledger))
        ledger.take(stream)
        ended = [item.started_at for item in stream if isinstance(item, ListingEnded)]
        return [
            {
                id_.removeprefix(f"{NEWSLETTER}/")
                for item in stream
                if isinstance(item, Listed)
                for id_ in item.source_ids
            }
            for _ in ended
        ]

    assert listed(timedelta()) == [set(ids)]
    account.delete_member(NEWSLETTER, ids[7])
    assert listed(timedelta(days=6)) == []
    assert listed(timedelta(days=7)) == [set(ids) - {ids[7]}]


def test_what_a_changed_member_did_is_read_page_by_page(account: MailchimpServer, esp: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=YESTERDAY)
    for minute in range(100):
        account.click("c1", contact, f"{LINK}?{minute}", at=YESTERDAY + timedelta(minutes=minute))
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert len(kept.of(mailchimp.ACTIVITY)) == 101
    feed = f"{MEMBERS}/{subscriber_hash('p0@firma.example')}/activity-feed"
    assert pages_read(account, feed) == 3
    assert len(kept.of(mailchimp.EMAIL_ACTIVITY)) == 100


def test_a_click_of_a_member_who_did_not_change_comes_from_the_campaign_s_report(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    ids = fill(account, 120)
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=YESTERDAY)
    account.add_campaign("c2", NEWSLETTER, "April", sent_at=YESTERDAY)
    for contact in ids:
        account.deliver("c1", contact)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.of(mailchimp.EMAIL_ACTIVITY) == []
    account.click("c1", ids[3], LINK, at=MORNING + timedelta(hours=1))
    account.requests.clear()
    later = MORNING + timedelta(hours=2)
    kept.take(source_of(account, esp, now=later).pull(kept))
    (click,) = kept.of(mailchimp.EMAIL_ACTIVITY)
    assert click["email_address"] == "p3@firma.example"
    assert click["activity"]["url"] == LINK
    assert pages_read(account, "/3.0/reports/c1/email-activity") == 1
    assert pages_read(account, "/3.0/reports/c2/email-activity") == 0
    (asked,) = [query for path, query in account.requests if path.endswith("email-activity")]
    assert asked["since"] == (MORNING - timedelta(days=1)).isoformat()
    account.requests.clear()
    kept.take(source_of(account, esp, now=later).pull(kept))
    assert pages_read(account, "/3.0/reports/c1/email-activity") == 0


@pytest.mark.parametrize("recipients", [0, 1, 50, 51, 100])
def test_a_report_is_read_to_its_last_page(account: MailchimpServer, esp: RegisteredSource, recipients: int) -> None:
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=YESTERDAY)
    for contact in fill(account, recipients):
        account.open("c1", contact, at=YESTERDAY + timedelta(hours=1))
        account.unsubscribe(NEWSLETTER, contact, at=YESTERDAY + timedelta(hours=2), campaign_id="c1")
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert len(kept.of(mailchimp.EMAIL_ACTIVITY)) == recipients
    assert len(kept.of(mailchimp.UNSUBSCRIBES)) == recipients
    assert pages_read(account, "/3.0/reports/c1/unsubscribed") == max(1, -(-recipients // PAGE))


def test_acts_are_known_by_ids_that_tell_no_address(account: MailchimpServer, esp: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=YESTERDAY)
    account.click("c1", contact, LINK, at=YESTERDAY)
    account.complain("c1", contact, at=YESTERDAY)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    objects = {mailchimp.MEMBERS, mailchimp.ACTIVITY, mailchimp.EMAIL_ACTIVITY, mailchimp.UNSUBSCRIBES}
    assert objects | {mailchimp.ABUSE_REPORTS, mailchimp.REPORTS, mailchimp.LISTS} == {name for name, _, _ in kept.rows}
    digest = subscriber_hash("p0@firma.example")
    assert not any(digest in id_ or "@" in id_ for _, id_, _ in kept.rows)
    (report,) = kept.of(mailchimp.REPORTS)
    assert "share_report" not in report


def test_a_campaign_s_new_title_does_not_make_its_acts_others(account: MailchimpServer, esp: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    account.add_activity(NEWSLETTER, contact, "open", at=YESTERDAY, campaign_id="c1", campaign_title="Oud")
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    before = kept.ids_of(mailchimp.ACTIVITY)
    account.delete_member(NEWSLETTER, contact)
    again = account.add_member(NEWSLETTER, "p0@firma.example", at=YESTERDAY)
    account.add_activity(NEWSLETTER, again, "open", at=YESTERDAY, campaign_id="c1", campaign_title="Nieuw")
    other = Kept()
    other.take(source_of(account, esp).pull(other))
    assert {id_.partition("/")[2] for id_ in before} == {
        id_.partition("/")[2] for id_ in other.ids_of(mailchimp.ACTIVITY)
    }


def test_a_member_who_is_deleted_before_its_feed_is_read_stops_nothing(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    ids = fill(account, 3)
    kept = Kept()

    def stream() -> Iterator[StreamItem]:
        for item in source_of(account, esp).pull(kept):
            yield item
            if isinstance(item, Received) and item.source_id.endswith(ids[0]):
                account.delete_member(NEWSLETTER, ids[1])

    kept.take(stream())
    assert kept.ids_of() == set(ids)
    assert f"members/{NEWSLETTER}" in kept.cursors


def test_a_campaign_that_is_deleted_before_it_is_read_stops_nothing(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    for name in ("c1", "c2"):
        account.add_campaign(name, NEWSLETTER, name, sent_at=YESTERDAY)
    account.inject(Fault(404, path="/reports/c1/email-activity"))
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert "campaigns/c2" in kept.cursors
    assert "campaigns/c1" not in kept.cursors


# Refusals and faults


def test_a_wrong_key_is_an_error_at_once_that_shows_no_key(account: MailchimpServer, esp: RegisteredSource) -> None:
    with pytest.raises(SourceError, match=r"esp: GET /3.0/lists .* status 401") as refused:
        list(source_of(account, esp, key="wrong-us1").pull(Kept()))
    assert "wrong-us1" not in str(refused.value)
    assert len(account.requests) == 1


def test_a_connection_without_a_key_is_refused_before_any_request(esp: RegisteredSource) -> None:
    with pytest.raises(SourceError, match="esp: the connection holds no API key"):
        Mailchimp(esp, ConnectionDetails())


@pytest.mark.parametrize("key", ["abc", "abc-", "abc-us1.evil.example/", "abc-us1/x"])
def test_a_key_without_a_data_centre_is_refused_and_not_shown(esp: RegisteredSource, key: str) -> None:
    with pytest.raises(SourceError, match="does not end in a data centre") as refused:
        Mailchimp(esp, ConnectionDetails(password=key))
    assert key not in str(refused.value)


def test_the_data_centre_is_read_from_the_key() -> None:
    assert mailchimp._address_of("esp", "0123456789abcdef-us19") == "https://us19.api.mailchimp.com"


def test_a_refused_right_is_an_error_at_once(account: MailchimpServer, esp: RegisteredSource) -> None:
    account.inject(Fault(403))
    waits = Waits()
    with pytest.raises(SourceError, match="status 403"):
        list(source_of(account, esp, sleep=waits).pull(Kept()))
    assert waits == []


def test_a_bare_403_is_a_throttle_and_is_waited_for(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 2)
    account.inject(*[Fault(403, bare=True, path="/members")] * 2)
    waits, kept = Waits(), Kept()
    kept.take(source_of(account, esp, sleep=waits).pull(kept))
    assert len(waits) == 2
    assert kept.ids_of() == set(ids)


@pytest.mark.parametrize(
    ("body", "is_throttle"),
    [
        (b"", True),
        (b"<html>403</html>", True),
        (b'"no document"', True),
        (b'{"title": "Too Many Requests", "status": 403}', True),
        (b'{"title": "Forbidden", "detail": "You have exceeded the limit of 10 simultaneous connections."}', True),
        (b'{"title": "Forbidden", "detail": "You are not permitted to access this resource."}', False),
        (b'{"title": "User Disabled"}', False),
    ],
)
def test_a_403_is_a_throttle_unless_it_says_that_it_is_none(body: bytes, is_throttle: bool) -> None:
    assert mailchimp._throttled(httpx.Response(403, content=body)) is is_throttle


def test_a_429_is_waited_for_as_long_as_the_server_asks(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 2)
    account.inject(Fault(429, retry_after="7", path="/members"))
    waits, kept = Waits(), Kept()
    kept.take(source_of(account, esp, sleep=waits).pull(kept))
    assert waits == [7.0]
    assert kept.ids_of() == set(ids)


def test_a_429_without_a_delay_is_tried_again_after_a_growing_pause(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    ids = fill(account, 2)
    account.inject(*[Fault(429, path="/activity-feed")] * 3)
    waits, kept = Waits(), Kept()
    kept.take(source_of(account, esp, sleep=waits).pull(kept))
    assert len(waits) == 3
    assert 0.25 <= waits[0] <= 0.75
    assert 1.0 <= waits[2] <= 3.0
    assert kept.ids_of() == set(ids)


@pytest.mark.parametrize("fault", [Fault(500), Fault(503), Fault(half=True)], ids=["500", "503", "half an answer"])
@pytest.mark.parametrize(
    "path", ["/lists", "/members", "/activity-feed", "/abuse-reports", "/reports", "/email-activity", "/unsubscribed"]
)
def test_a_passing_fault_changes_nothing(
    account: MailchimpServer, esp: RegisteredSource, fault: Fault, path: str
) -> None:
    a_lively_account(account)
    whole, kept = Kept(), Kept()
    whole.take(source_of(account, esp).pull(whole))
    account.inject(Fault(fault.status, half=fault.half, path=path))
    waits = Waits()
    kept.take(source_of(account, esp, sleep=waits).pull(kept))
    assert len(waits) == 1
    assert kept.rows == whole.rows


def test_a_fault_that_stays_ends_the_pull_and_what_was_read_is_kept(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    ids = fill(account, 120)
    kept = Kept()

    def stream() -> Iterator[StreamItem]:
        for item in source_of(account, esp).pull(kept):
            yield item
            if isinstance(item, Cursor) and not account.faults:
                account.inject(*[Fault(503, path="/members")] * ATTEMPTS)

    with pytest.raises(SourceError, match=r"GET /3.0/lists/\w+/members failed 8 times, last: status 503"):
        kept.take(stream())
    assert kept.ids_of() == set(ids[:50])
    kept.take(source_of(account, esp).pull(kept))
    assert kept.ids_of() == set(ids)


def test_an_error_about_a_member_s_feed_does_not_show_whose_it_is(
    account: MailchimpServer, esp: RegisteredSource
) -> None:
    fill(account, 1)
    account.inject(*[Fault(500, path="/activity-feed")] * ATTEMPTS)
    with pytest.raises(SourceError, match=r"members/\{subscriber_hash\}/activity-feed failed") as refused:
        list(source_of(account, esp).pull(Kept()))
    assert subscriber_hash("p0@firma.example") not in str(refused.value)


class Stuck(MailchimpServer):
    """Answers each request for members with one and the same full page."""

    def _members(self, audience: Any, query: dict[str, str]) -> dict[str, Any]:
        answer = super()._members(audience, {name: query[name] for name in ("count", "fields") if name in query})
        return {**answer, "total_items": 1000}


def test_a_server_that_does_not_go_on_is_an_error_and_no_endless_loop(esp: RegisteredSource) -> None:
    with Stuck() as account:
        account.add_list(NEWSLETTER, "Nieuwsbrief", at=YESTERDAY)
        fill(account, 60)
        with pytest.raises(SourceError, match="members does not go on"):
            list(source_of(account, esp).pull(Kept()))


# Malformed records


def a_member() -> dict[str, Any]:
    return {
        "id": "0" * 32,
        "contact_id": "c" * 32,
        "email_address": "x@firma.example",
        "status": "subscribed",
        "timestamp_signup": "",
        "timestamp_opt": "",
        "last_changed": "2026-01-01T00:00:00+00:00",
        "merge_fields": {},
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"id": "x@firma.example"}, "id"),
        ({"contact_id": None}, "contact_id"),
        ({"email_address": 5}, "email_address"),
        ({"status": "asleep"}, "status"),
        ({"status": None}, "status"),
        ({"timestamp_opt": 5}, "timestamp_opt"),
        ({"last_changed": ["x"]}, "last_changed"),
        ({"merge_fields": "x"}, "merge_fields"),
        ({"marketing_permissions": {"a": 1}}, "marketing_permissions"),
        ({"marketing_permissions": ["x"]}, "marketing_permissions"),
    ],
)
def test_a_malformed_member_is_quarantined_and_the_rest_comes(
    account: MailchimpServer, esp: RegisteredSource, changes: dict[str, Any], field: str
) -> None:
    ids = fill(account, 20)
    account.add_malformed(NEWSLETTER, {**a_member(), **changes})
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert kept.ids_of() == set(ids)
    (broken,) = kept.broken
    assert (broken.object, broken.position, broken.reason, broken.field) == (
        mailchimp.MEMBERS,
        f"list {NEWSLETTER}, page 1, item 21",
        "malformed_record",
        field,
    )
    assert json.loads(broken.raw) == {**a_member(), **changes}
    assert "@" not in broken.detail


def test_a_member_that_is_no_object_is_quarantined(account: MailchimpServer, esp: RegisteredSource) -> None:
    account.add_malformed(NEWSLETTER, "no object")
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert [(broken.object, broken.field) for broken in kept.broken] == [(mailchimp.MEMBERS, None)]


def test_a_malformed_act_is_quarantined_and_the_rest_comes(account: MailchimpServer, esp: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    account.add_activity(NEWSLETTER, contact, "open", at=YESTERDAY)
    account.add_activity(NEWSLETTER, contact, None, at=YESTERDAY)  # type: ignore[arg-type]
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept))
    assert [(broken.object, broken.field) for broken in kept.broken] == [(mailchimp.ACTIVITY, "activity_type")]
    assert len(kept.of(mailchimp.ACTIVITY)) == 1


# Killed and resumed


def a_lively_account(account: MailchimpServer) -> list[str]:
    ids = fill(account, 120)
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=YESTERDAY)
    account.add_campaign("c2", NEWSLETTER, "April", sent_at=YESTERDAY + timedelta(hours=1))
    for number, contact in enumerate(ids):
        account.click(f"c{1 + number % 2}", contact, LINK, at=YESTERDAY + timedelta(hours=3))
    for contact in ids[:5]:
        account.complain("c1", contact, at=YESTERDAY + timedelta(hours=4))
    for contact in ids[5:9]:
        account.update_member(NEWSLETTER, contact, at=YESTERDAY + timedelta(hours=5), status="archived")
    return ids


@pytest.mark.parametrize("killed_after", range(0, 560, 23))
def test_a_first_load_that_is_killed_goes_on_and_ends_in_the_same_rows(
    account: MailchimpServer, esp: RegisteredSource, killed_after: int
) -> None:
    a_lively_account(account)
    whole, kept = Kept(), Kept()
    whole.take(source_of(account, esp).pull(whole))
    kept.take(source_of(account, esp).pull(kept), killed_after=killed_after)
    kept.take(source_of(account, esp, now=MORNING + timedelta(minutes=5)).pull(kept))
    assert kept.rows == whole.rows


def test_a_killed_first_load_does_not_begin_anew(account: MailchimpServer, esp: RegisteredSource) -> None:
    fill(account, 120)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept), killed_after=110)
    assert len(kept.ids_of()) == 99
    kept.seen.clear()
    kept.take(source_of(account, esp).pull(kept))
    assert len(kept.ids_of()) == 120
    assert kept.received <= 25


def test_a_change_during_a_killed_first_load_is_not_lost(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 120)
    kept = Kept()
    kept.take(source_of(account, esp).pull(kept), killed_after=90)
    assert kept.cursors[f"members/{NEWSLETTER}"]["window_end"] == MORNING.isoformat()
    account.update_member(NEWSLETTER, ids[0], at=MORNING + timedelta(minutes=30), status="unsubscribed")
    kept.take(source_of(account, esp, now=MORNING + timedelta(hours=1)).pull(kept))
    assert {row["contact_id"] for row in kept.of(mailchimp.MEMBERS) if row["status"] == "unsubscribed"} == {ids[0]}
    assert kept.ids_of() == set(ids)


def test_a_killed_incremental_pull_reads_its_window_again(account: MailchimpServer, esp: RegisteredSource) -> None:
    ids = fill(account, 120)
    whole, kept = Kept(), Kept()
    for ledger in (whole, kept):
        ledger.take(source_of(account, esp).pull(ledger))
    for number, id_ in enumerate(ids):
        at = MORNING + timedelta(minutes=1, seconds=number)
        account.update_member(NEWSLETTER, id_, at=at, merge_fields={"FNAME": "Nieuw"})
    later = MORNING + timedelta(hours=1)
    whole.take(source_of(account, esp, now=later).pull(whole))
    kept.take(source_of(account, esp, now=later).pull(kept), killed_after=80)
    kept.take(source_of(account, esp, now=later).pull(kept))
    assert kept.rows == whole.rows


# To canonical events


def land(warehouse: psycopg.Connection[Any], server: MailchimpServer, esp: RegisteredSource, now: datetime) -> int:
    """Lands one pull and answers how many records were new."""
    landing = Landing(warehouse, "esp")
    return landing.land(source_of(server, esp, now=now).pull(landing.ledger)).records_new


def build_events(warehouse_url: str, target: Path, *, with_seeds: bool = True) -> None:
    """Builds the events with all that they stand on; without the seeds it takes what lies in the registry."""
    part = database.parts(warehouse_url)
    environment = {
        **os.environ,
        "OPTKEEPER_DB_HOST": part["host"],
        "OPTKEEPER_DB_PORT": part["port"],
        "OPTKEEPER_DB_USER": part["user"],
        "OPTKEEPER_DB_PASSWORD": part["password"],
        "OPTKEEPER_DB_NAME": part["dbname"],
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    project = str(settings.DBT_PROJECT)
    folders = ["--project-dir", project, "--profiles-dir", project]
    seeds = ["mailchimp_audiences", "platform_ways_in", "sources", "consent_texts"] if with_seeds else []
    models = ["path:models/staging/mailchimp", "path:models/events/mailchimp", "int_events__from_mailchimp"]
    done = subprocess.run(  # noqa: S603
        [str(Path(sys.executable).parent / "dbt"), "--quiet", "build", *folders]
        + ["--select", *seeds, *models, "--indirect-selection", "cautious"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def events(warehouse: psycopg.Connection[Any], *types: str) -> list[tuple[Any, ...]]:
    """Type, moment, address, purpose, method and text of the newest version of each event, in order of their moments."""
    return warehouse.execute(
        "select event_type, occurred_text, email_text, purpose, method, text_version from ("
        " select *, row_number() over (partition by event_id order by received_at desc, payload_digest desc) as place"
        " from intermediate.int_events__from_mailchimp) as versions"
        " where place = 1 and event_type <> 'contact_upserted' and (%s or event_type = any(%s))"
        ' order by email_text, occurred_text collate "C" nulls first, event_type',
        (not types, list(types)),
    ).fetchall()


def after(minutes: int, seconds: int = 0) -> datetime:
    return YESTERDAY + timedelta(minutes=minutes, seconds=seconds)


def text_after(minutes: int, seconds: int = 0) -> str:
    return after(minutes, seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_every_fact_becomes_one_event_however_often_it_is_seen(
    warehouse: psycopg.Connection[Any], warehouse_url: str, esp: RegisteredSource, tmp_path: Path
) -> None:
    with MailchimpServer() as account:
        account.add_list(NEWSLETTER, "Nieuwsbrief", at=YESTERDAY)
        account.add_list(EVENTS, "Evenementen", at=YESTERDAY, double_optin=True)
        account.add_list("unregistered", "Onbekend", at=YESTERDAY)
        account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=after(10))

        def member(name: str, list_id: str = NEWSLETTER, **more: Any) -> str:
            signed_up = {"signup_at": after(0), "ip_signup": "192.0.2.1", "opt_at": after(0), "ip_opt": "192.0.2.1"}
            return account.add_member(list_id, f"{name}@firma.example", at=after(1), **{**signed_up, **more})

        old = datetime(2024, 12, 31, 22, 30, tzinfo=UTC)  # an hour before the new text, in Amsterdam half an hour
        single = member("a.single", signup_at=old - timedelta(days=1), opt_at=old - timedelta(days=1))
        member("b.newyear", signup_at=old + timedelta(minutes=45), opt_at=old + timedelta(minutes=45))
        member("c.double", EVENTS, opt_at=after(30), ip_opt="192.0.2.9")
        pending = member("d.pending", EVENTS, status="pending", opt_at=None, ip_opt="")
        member("e.added", status="pending", signup_at=None, ip_signup="", opt_at=None, ip_opt="")
        imported: dict[str, Any] = {"signup_at": None, "ip_signup": "", "ip_opt": IMPORTER_IP}
        member("f.imported", origin="Import from beurs.csv", **imported)
        member("g.program", origin="API - Generic", **{**imported, "ip_opt": "192.0.2.77"})
        member("h.ourform", ip_signup=IMPORTER_IP, ip_opt=IMPORTER_IP)
        unsubscribed = member("i.unsubscribed")
        by_admin = member("j.admin")
        complained = member("k.complained")
        cleaned = member("l.cleaned")
        archived = member("m.archived")
        clicked = member("n.clicked")
        declined = member("o.declined", permissions={PERMISSION: False, "Post": True})
        switched = member("p.switched", permissions={PERMISSION: True, "Post": False})
        member("q.elsewhere", "unregistered")
        account.unsubscribe(NEWSLETTER, unsubscribed, at=after(40), campaign_id="c1")
        account.unsubscribe(NEWSLETTER, by_admin, at=after(41), reason=BY_ADMIN, by_admin=True)
        account.complain("c1", complained, at=after(42))
        account.bounce("c1", cleaned, "hard", at=after(11))
        account.update_member(NEWSLETTER, archived, at=after(43), status="archived")
        for second in (2, 90):
            account.click("c1", clicked, LINK, at=after(10, second))
        account.open("c1", clicked, at=after(12))
        account.bounce("c1", clicked, "soft", at=after(9))
        account.set_permission(NEWSLETTER, switched, PERMISSION, False, at=after(44))

        land(warehouse, account, esp, MORNING)
        build_events(warehouse_url, tmp_path)
        told = events(warehouse)
        form, leave = "mailchimp_form", "mailchimp_unsubscribe"
        news = ("newsletter", form, "noord-news-v2")
        began = text_after(0)

        def who(name: str) -> str:
            return f"{name}@firma.example"

        assert told == [
            ("consent_given", "2024-12-30T22:30:00.000Z", who("a.single"), "newsletter", form, "noord-news-v1"),
            ("consent_given", "2024-12-31T23:15:00.000Z", who("b.newyear"), *news),
            ("consent_given", began, who("c.double"), "events", form, "noord-events-v1"),
            ("consent_confirmed", text_after(30), who("c.double"), "events", "mailchimp_double_opt_in", None),
            ("consent_requested", began, who("d.pending"), "events", form, None),
            ("consent_requested", text_after(1), who("e.added"), "newsletter", "mailchimp_addition", None),
            ("consent_given", None, who("f.imported"), "newsletter", "mailchimp_addition", None),
            ("consent_given", began, who("g.program"), "newsletter", "mailchimp_addition", None),
            ("consent_given", None, who("h.ourform"), "newsletter", "mailchimp_addition", None),
            ("consent_given", began, who("i.unsubscribed"), *news),
            ("consent_withdrawn", text_after(40), who("i.unsubscribed"), "newsletter", leave, None),
            ("consent_given", began, who("j.admin"), *news),
            ("consent_withdrawn", text_after(41), who("j.admin"), "newsletter", leave, None),
            ("consent_given", began, who("k.complained"), *news),
            ("spam_complaint", text_after(42), who("k.complained"), None, "mailchimp_complaint", None),
            ("consent_given", began, who("l.cleaned"), *news),
            ("email_bounced", text_after(11), who("l.cleaned"), None, None, None),
            ("email_bounced", text_after(11), who("l.cleaned"), None, None, None),
            ("consent_withdrawn", None, who("m.archived"), "newsletter", "mailchimp_archive", None),
            ("consent_given", began, who("n.clicked"), *news),
            ("email_bounced", text_after(9), who("n.clicked"), None, None, None),
            ("link_clicked", text_after(10, 2), who("n.clicked"), None, None, None),
            ("link_clicked", text_after(11, 30), who("n.clicked"), None, None, None),
            ("email_opened", text_after(12), who("n.clicked"), None, None, None),
            ("consent_given", began, who("o.declined"), "newsletter", form, None),
            ("consent_given", began, who("p.switched"), "newsletter", form, None),
            ("consent_withdrawn", text_after(44), who("p.switched"), "newsletter", "mailchimp_marketing_permission")
            + (None,),
            ("consent_given", began, who("q.elsewhere"), "mailchimp_audience_unregistered")
            + ("mailchimp_addition", None),
        ]

        # What else an event carries.
        given = warehouse.execute(
            "select source_contact_id, channel, brand, form_url, ip from intermediate.int_events__from_mailchimp"
            " where event_type = 'consent_given' and email_text = %s",
            (who("a.single"),),
        ).fetchall()
        noord = ("email", "noord", "https://noord.example/nieuwsbrief", "192.0.2.1")
        assert given == [(f"{NEWSLETTER}/{single}", *noord)]
        clicks = warehouse.execute(
            "select message_id, link, cast(seconds_since_delivery as float) from intermediate.int_events__from_mailchimp"
            " where event_type = 'link_clicked' order by occurred_text"
        ).fetchall()
        assert clicks == [("c1", LINK, 2.0), ("c1", LINK, 90.0)]
        bounces = warehouse.execute(
            "select bounce from intermediate.int_events__from_mailchimp where event_type = 'email_bounced' order by 1"
        ).fetchall()
        assert bounces == [("hard",), ("hard",), ("soft",)]
        ids = [row[0] for row in warehouse.execute("select event_id from intermediate.int_events__from_mailchimp")]
        assert not any("@" in id_ or subscriber_hash(who("n.clicked")) in id_ for id_ in ids)

        # Every member is changed in something that has no bearing: each fact keeps its content and its first receipt.
        receipts = (
            "select event_id, received_at, record_id, email_text from intermediate.int_events__from_mailchimp"
            + (" where event_type <> 'contact_upserted' order by event_id, received_at")
        )
        before = warehouse.execute(receipts).fetchall()
        for contact in (single, unsubscribed, by_admin, complained, cleaned, clicked, declined, switched):
            changed = {"email": f"new.{contact}@firma.example", "merge_fields": {"FNAME": "Anders"}}
            account.update_member(NEWSLETTER, contact, at=MORNING + timedelta(minutes=1), **changed)
        account.update_member(EVENTS, pending, at=MORNING + timedelta(minutes=1), merge_fields={"FNAME": "Anders"})
        account.update_member(NEWSLETTER, archived, at=MORNING + timedelta(minutes=1), merge_fields={"FNAME": "X"})
        assert land(warehouse, account, esp, MORNING + timedelta(hours=1)) > 0
        build_events(warehouse_url, tmp_path)
        assert warehouse.execute(receipts).fetchall() == before
        assert events(warehouse) == told

        # Who confirms after all has consented when the form was sent in; who comes back through the form consents anew.
        confirmed_at = MORNING + timedelta(hours=1, minutes=5)
        account.update_member(
            EVENTS,
            pending,
            at=confirmed_at,
            status="subscribed",
            timestamp_opt=instant_text(confirmed_at),
            ip_opt="192.0.2.4",
        )
        account.update_member(
            NEWSLETTER,
            unsubscribed,
            at=confirmed_at,
            status="subscribed",
            email=who("i.unsubscribed"),
            timestamp_signup=instant_text(confirmed_at),
            timestamp_opt=instant_text(confirmed_at),
        )
        land(warehouse, account, esp, MORNING + timedelta(hours=2))
        build_events(warehouse_url, tmp_path)
        kinds = [row[:2] for row in events(warehouse) if row[2] == who("d.pending")]
        spelled = confirmed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert kinds == [("consent_given", began), ("consent_requested", began), ("consent_confirmed", spelled)]
        # that it came back Mailchimp shows by no sign-up, so it shows no text (R13)
        told = [(*row[:2], row[5]) for row in events(warehouse) if row[2] == who("i.unsubscribed")]
        assert told == [
            ("consent_given", began, "noord-news-v2"),
            ("consent_withdrawn", text_after(40), None),
            ("consent_given", spelled, None),
        ]


ARRIVALS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "left, then dated by the feed": [
        (mailchimp.MEMBERS, {"status": "unsubscribed", "last_changed": "2026-03-01T12:00:00+00:00"}),
        (mailchimp.ACTIVITY, {"activity_type": "unsub", "created_at_timestamp": "2026-02-01T10:00:00+01:00"}),
    ],
    "left, came back by the form, left again": [
        (
            mailchimp.MEMBERS,
            {
                "status": "unsubscribed",
                "last_changed": "2026-03-01T12:00:00+00:00",
                "timestamp_signup": "2026-02-10T00:00:00+00:00",
                "timestamp_opt": "2026-02-10T00:00:00+00:00",
            },
        ),
        (mailchimp.ACTIVITY, {"activity_type": "unsub", "created_at_timestamp": "2026-02-01T10:00:00+00:00"}),
    ],
    "left by a report, then by status": [
        (mailchimp.MEMBERS, {"last_changed": "2026-01-01T00:00:00+00:00"}),
        (mailchimp.UNSUBSCRIBES, {"list_id": NEWSLETTER, "timestamp": "2026-02-01T10:00:00+00:00"}),
        (mailchimp.MEMBERS, {"status": "unsubscribed", "last_changed": "2026-02-01T10:00:01+00:00"}),
    ],
    "unsubscribed twice before it was seen": [
        (mailchimp.MEMBERS, {"status": "unsubscribed", "last_changed": "2026-03-01T12:00:00+00:00"}),
        (mailchimp.ACTIVITY, {"activity_type": "unsub", "created_at_timestamp": "2026-02-20T10:00:00+00:00"}),
        (mailchimp.ACTIVITY, {"activity_type": "unsub", "created_at_timestamp": "2026-02-01T10:00:00+00:00"}),
    ],
    "waits for its confirmation": [
        (mailchimp.MEMBERS, {"status": "pending", "timestamp_signup": "2026-02-01T10:00:00+00:00"}),
    ],
}


@pytest.fixture(scope="module")
def arrived(server: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], list[tuple[str, str]]]:
    """Kind and moment of what each of the arrivals tells, without and with a source that needs confirmation.

    Each record of an arrival is landed by itself, so that it has a receipt of its own.
    """
    target = tmp_path_factory.mktemp("target")
    address = embedded.url("mailchimp_arrivals", server)
    told: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    with database.connect(address) as warehouse:
        database.ensure_raw(warehouse)
        for number, records in enumerate(ARRIVALS.values()):
            member = {**a_member(), "id": f"{number:032x}", "contact_id": f"c{number}"}
            for place, (object_, changes) in enumerate(records):
                whole, key = {**member, **changes}, f"{NEWSLETTER}/c{number}"
                if object_ == mailchimp.ACTIVITY:
                    whole, key = changes, f"{key}/-/unsub/{place}/x"
                elif object_ == mailchimp.UNSUBSCRIBES:
                    who = {"email_id": member["id"], "email_address": member["email_address"]}
                    whole, key = {**who, **changes}, f"c1/{number}"
                Landing(warehouse, "esp").land(iter([Received(object_, key, whole)]))
        for needs_confirmation in (False, True):
            if needs_confirmation:
                warehouse.execute("update registry.sources set double_opt_in = true where source = 'esp'")
            build_events(address, target, with_seeds=not needs_confirmation)
            for number, arrival in enumerate(ARRIVALS):
                told[arrival, needs_confirmation] = warehouse.execute(
                    "select event_id, event_type, occurred_text from intermediate.int_events__from_mailchimp"
                    " where source_contact_id = %s and event_type in ('consent_given', 'consent_requested',"
                    " 'consent_withdrawn') order by received_at, record_id, event_type",
                    (f"{NEWSLETTER}/c{number}",),
                ).fetchall()
    return told


def test_a_report_that_comes_later_corrects_when_a_member_unsubscribed(arrived: Any) -> None:
    told = arrived["left, then dated by the feed", False]
    event_id = f"unsubscribes/{NEWSLETTER}/c0/2026-03-01T12:00:00.000Z"
    assert told == [
        (event_id, "consent_withdrawn", "2026-03-01T12:00:00.000Z"),
        (event_id, "consent_withdrawn", "2026-02-01T09:00:00.000Z"),
    ]


def test_a_report_from_before_a_member_came_back_does_not_date_its_next_leave(arrived: Any) -> None:
    told = arrived["left, came back by the form, left again", False]
    assert [row[1:] for row in told] == [
        ("consent_given", "2026-02-10T00:00:00.000Z"),
        ("consent_withdrawn", "2026-03-01T12:00:00.000Z"),
        ("consent_withdrawn", "2026-02-01T10:00:00.000Z"),
    ]
    assert len({event_id for event_id, _, _ in told}) == 3


def test_a_state_that_comes_after_its_report_tells_its_leave_no_second_time(arrived: Any) -> None:
    told = arrived["left by a report, then by status", False]
    assert [row[1:] for row in told if row[1] == "consent_withdrawn"] == [
        ("consent_withdrawn", "2026-02-01T10:00:00.000Z")
    ]


def test_two_reports_of_one_state_are_two_leaves(arrived: Any) -> None:
    told = arrived["unsubscribed twice before it was seen", False]
    newest = {event_id: moment for event_id, _, moment in told}
    assert sorted(newest.values()) == ["2026-02-01T10:00:00.000Z", "2026-02-20T10:00:00.000Z"]


def test_a_pending_signup_is_a_request_for_consent(arrived: Any) -> None:
    told = arrived["waits for its confirmation", False]
    assert [row[1:] for row in told] == [("consent_requested", "2026-02-01T10:00:00.000Z")]


def test_where_a_source_needs_confirmation_a_pending_signup_is_a_grant_that_waits(arrived: Any) -> None:
    told = arrived["waits for its confirmation", True]
    assert [row[1:] for row in told] == [("consent_given", "2026-02-01T10:00:00.000Z")]


def test_the_sample_account_lands_once_and_tells_every_kind_of_event(
    warehouse: psycopg.Connection[Any], warehouse_url: str, esp: RegisteredSource, tmp_path: Path
) -> None:
    with MailchimpServer() as account:
        populate(account, people(200), date(2026, 3, 2))
        assert land(warehouse, account, esp, MORNING) > 0
        assert land(warehouse, account, esp, MORNING + timedelta(minutes=1)) == 0
    build_events(warehouse_url, tmp_path)
    kinds = warehouse.execute("select distinct event_type from intermediate.int_events__from_mailchimp").fetchall()
    assert {kind for (kind,) in kinds} == {
        "contact_upserted",
        "consent_requested",
        "consent_given",
        "consent_confirmed",
        "consent_withdrawn",
        "spam_complaint",
        "email_bounced",
        "email_opened",
        "link_clicked",
    }
    falling_due = "select count(*) from intermediate.int_events__from_mailchimp where event_type = 'consent_given'" + (
        " and text_version is not null and occurred_text between '2024-03-03' and '2024-05-01'"
    )
    assert (warehouse.execute(falling_due).fetchone() or (0,))[0] > 20
    quick = "select count(*) from intermediate.int_events__from_mailchimp where seconds_since_delivery < 5"
    assert (warehouse.execute(quick).fetchone() or (0,))[0] > 0
