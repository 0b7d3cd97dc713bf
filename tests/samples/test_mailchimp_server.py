"""The sample account answers, and the connector asks, as Mailchimp's public description of its API says.

One difference is known: the description says that a timestamp is a date and time, while Mailchimp leaves it empty.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import jsonschema
import pytest
from optkeeper.registry import pulled_source
from optkeeper.samples.mailchimp import (
    API_KEY,
    CONNECTIONS,
    EVENTS,
    NEWSLETTER,
    PERMISSION,
    Fault,
    MailchimpServer,
    populate,
    subscriber_hash,
)
from optkeeper.samples.people import people
from optkeeper.sources.mailchimp import Mailchimp
from optkeeper.sources.stream import ConnectionDetails, Cursor

from tests.openapi.descriptions import description

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MEMBERS = f"/3.0/lists/{NEWSLETTER}/members"

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]
def is_a_moment_or_empty(text: Any) -> bool:
    return text == "" or datetime.fromisoformat(str(text)).tzinfo is not None


@pytest.fixture
def account() -> Iterator[MailchimpServer]:
    with MailchimpServer() as server:
        server.add_list(NEWSLETTER, "Nieuwsbrief", at=NOON - timedelta(days=400))
        yield server


@pytest.fixture
def client(account: MailchimpServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=account.url, auth=("anybody", API_KEY)) as client:
        yield client


def operation(path: str) -> dict[str, Any]:
    """The description of a GET of a path, whatever ids stand in it."""
    for template, described in description("mailchimp.com")["paths"].items():
        if re.fullmatch(re.sub(r"\{[a-z_]+\}", "[^/]+", template), path.removeprefix("/3.0")):
            found: dict[str, Any] = described["get"]
            return found
    raise LookupError(f"{path} is not described")


def schema_of(path: str, status: str = "200") -> dict[str, Any]:
    content = operation(path)["responses"][status]["content"]
    found: dict[str, Any] = content["application/json"]["schema"]
    return found


def conform(document: Any, schema: dict[str, Any]) -> None:
    """Fails where a document is not as described, or holds what is not described."""
    jsonschema.Draft202012Validator(schema, format_checker=FORMATS).validate(document)
    assert list(undescribed(document, schema)) == []


def undescribed(document: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    if isinstance(document, list):
        for item in document:
            yield from undescribed(item, schema.get("items", {}), f"{place}[]")
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if jsonschema.Draft202012Validator(one).is_valid(document)]
        assert len(fitting) == 1, place
        schema = fitting[0]
    if isinstance(document, dict) and "properties" in schema:
        for name, value in document.items():
            if name not in schema["properties"]:
                yield f"{place}.{name}"
            else:
                yield from undescribed(value, schema["properties"][name], f"{place}.{name}")


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    found: dict[str, Any] = answer.json()
    conform(found, schema_of("/3.0/lists", "default"))
    assert found["status"] == answer.status_code
    return found


def test_the_validator_refuses_what_is_not_as_described() -> None:
    with pytest.raises(jsonschema.ValidationError):
        conform({"members": [{"status": "asleep"}]}, schema_of(MEMBERS))
    with pytest.raises(jsonschema.ValidationError):
        conform({"members": [{"last_changed": "yesterday"}]}, schema_of(MEMBERS))
    with pytest.raises(AssertionError):
        conform({"members": [{"mood": "good"}]}, schema_of(MEMBERS))


def test_every_answer_of_the_sample_account_is_as_described() -> None:
    with (
        MailchimpServer() as server,
        httpx.Client(base_url=server.url, auth=("x", API_KEY), params={"count": 1000}) as client,
    ):
        populate(server, people(100), TODAY)
        members = [
            member
            for list_id in (NEWSLETTER, EVENTS)
            for asked in ({}, {"status": "archived"})
            for member in client.get(f"/3.0/lists/{list_id}/members", params=asked).json()["members"]
        ]
        reports = client.get("/3.0/reports").json()["reports"]
        paths = [
            "/3.0/lists",
            MEMBERS,
            f"/3.0/lists/{EVENTS}/members",
            f"/3.0/lists/{NEWSLETTER}/abuse-reports",
            "/3.0/reports",
            *(
                f"/3.0/lists/{member['list_id']}/members/{member['id']}/activity-feed"
                for member in members
                if member["status"] != "archived"
            ),
            *(
                f"/3.0/reports/{report['id']}/{part}"
                for report in reports
                for part in ("email-activity", "unsubscribed")
            ),
        ]
        kinds: set[str] = set()
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, path
            conform(answer.json(), schema_of(path))
            kinds |= {activity["activity_type"] for activity in answer.json().get("activity", [])}
        assert {member["status"] for member in members} == {
            "subscribed",
            "unsubscribed",
            "cleaned",
            "pending",
            "archived",
        }
        assert kinds == {"open", "click", "bounce", "unsub", "sent"}
        assert any(member["timestamp_signup"] == "" and member["ip_opt"] for member in members)


def test_the_connector_asks_nothing_that_is_not_described() -> None:
    ledger = Remembering()
    with MailchimpServer() as account:
        populate(account, people(60), TODAY)
        details = ConnectionDetails(password=API_KEY, extra={"base_url": account.url})
        for now in (NOON, NOON + timedelta(days=1)):
            source = Mailchimp(pulled_source("esp"), details, now=partial(moment, now))
            for item in source.pull(ledger):
                if isinstance(item, Cursor):
                    ledger.cursors[item.stream] = item.state
            account.click(account_campaign(account), first_contact(account), "https://noord.example/x", at=now)
        asked = {re.sub(r"[0-9a-f]{10,32}", "*", path) for path, _ in account.requests}
        assert asked == {
            "/3.0/lists",
            "/3.0/lists/*/members",
            "/3.0/lists/*/members/*/activity-feed",
            "/3.0/lists/*/abuse-reports",
            "/3.0/reports",
            "/3.0/reports/*/email-activity",
            "/3.0/reports/*/unsubscribed",
        }
        for path, query in account.requests:
            described = {one["name"]: one["schema"] for one in operation(path)["parameters"] if one["in"] == "query"}
            for name, value in query.items():
                assert name in described, (path, name)
                of_its_kind: Any = int(value) if described[name].get("type") == "integer" else value
                if described[name].get("type") != "array":
                    jsonschema.validate(of_its_kind, described[name])


def moment(now: datetime) -> datetime:
    return now


class Remembering:
    """A ledger that keeps cursors and nothing else."""

    def __init__(self) -> None:
        self.cursors: dict[str, Any] = {}

    def cursor(self, stream: str) -> Any:
        return self.cursors.get(stream)

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        return False


def account_campaign(account: MailchimpServer) -> str:
    auth = ("x", API_KEY)
    found = httpx.get(f"{account.url}/3.0/reports", params={"count": 1000}, auth=auth).json()["reports"]
    return next(str(report["id"]) for report in found if report["list_id"] == NEWSLETTER)


def first_contact(account: MailchimpServer) -> str:
    found = httpx.get(f"{account.url}{MEMBERS}", auth=("x", API_KEY)).json()["members"]
    return str(found[0]["contact_id"])


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/3.0/lists/nowhere/members", 404, "Resource Not Found"),
        ("/3.0/nothing", 404, "Resource Not Found"),
        (f"{MEMBERS}/{subscriber_hash('nobody@firma.example')}/activity-feed", 404, "Resource Not Found"),
        ("/3.0/reports/nothing/email-activity", 404, "Resource Not Found"),
        (f"{MEMBERS}?count=1001", 400, "Invalid Resource"),
        (f"{MEMBERS}?offset=x", 400, "Invalid Resource"),
        (f"{MEMBERS}?status=asleep", 400, "Invalid Resource"),
        (f"{MEMBERS}?since_last_changed=yesterday", 400, "Invalid Resource"),
    ],
)
def test_a_refusal_is_an_error_document(client: httpx.Client, path: str, status: int, title: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert problem_of(answer)["title"] == title


def test_any_user_with_the_key_is_let_in_and_nobody_without(account: MailchimpServer, client: httpx.Client) -> None:
    assert client.get("/3.0/lists", auth=("somebody", API_KEY)).status_code == 200
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": f"Bearer {API_KEY}"}):
        refused = httpx.get(f"{account.url}/3.0/lists", headers=headers)
        assert refused.status_code == 401
        assert problem_of(refused)["title"] == "API Key Invalid"
    assert client.get("/3.0/lists", auth=("x", "wrong-us1")).status_code == 401


def test_nothing_can_be_written(client: httpx.Client) -> None:
    assert problem_of(client.post("/3.0/lists", json={}))["status"] == 405


@pytest.mark.parametrize(("members", "size", "pages"), [(0, 10, 1), (7, 10, 1), (20, 10, 2), (21, 10, 3)])
def test_pages_hold_what_was_asked_for_and_the_total(
    account: MailchimpServer, client: httpx.Client, members: int, size: int, pages: int
) -> None:
    ids = [account.add_member(NEWSLETTER, f"p{number}@a.example", at=NOON) for number in range(members)]
    found: list[str] = []
    for page in range(pages):
        answer = client.get(MEMBERS, params={"count": size, "offset": page * size}).json()
        assert answer["total_items"] == members
        found += [member["contact_id"] for member in answer["members"]]
    assert found == ids
    assert client.get(MEMBERS, params={"count": size, "offset": pages * size}).json()["members"] == []


def test_a_page_holds_ten_where_no_count_is_asked_for(account: MailchimpServer, client: httpx.Client) -> None:
    for number in range(12):
        account.add_member(NEWSLETTER, f"p{number}@a.example", at=NOON)
    assert len(client.get(MEMBERS).json()["members"]) == 10


def test_a_window_of_last_changed_holds_neither_of_its_ends(account: MailchimpServer, client: httpx.Client) -> None:
    ids = [
        account.add_member(NEWSLETTER, f"p{number}@a.example", at=NOON - timedelta(minutes=number))
        for number in range(5)
    ]
    asked = {
        "since_last_changed": (NOON - timedelta(minutes=4)).isoformat(),
        "before_last_changed": NOON.isoformat(),
        "sort_field": "last_changed",
        "sort_dir": "ASC",
    }
    answer = client.get(MEMBERS, params=asked).json()
    assert [member["contact_id"] for member in answer["members"]] == [ids[3], ids[2], ids[1]]
    assert answer["total_items"] == 3


def test_archived_members_are_shown_only_where_they_are_asked_for(
    account: MailchimpServer, client: httpx.Client
) -> None:
    kept = account.add_member(NEWSLETTER, "a@b.example", at=NOON)
    gone = account.add_member(NEWSLETTER, "c@d.example", at=NOON)
    account.update_member(NEWSLETTER, gone, at=NOON, status="archived")
    assert [one["contact_id"] for one in client.get(MEMBERS).json()["members"]] == [kept]
    assert [one["contact_id"] for one in client.get(MEMBERS, params={"status": "archived"}).json()["members"]] == [gone]


def test_an_imported_member_has_empty_timestamps_and_the_importer_s_address(
    account: MailchimpServer, client: httpx.Client
) -> None:
    account.add_member(NEWSLETTER, "a@b.example", at=NOON, opt_at=NOON, ip_opt="203.0.113.10", origin="Import")
    (member,) = client.get(MEMBERS).json()["members"]
    assert (member["timestamp_signup"], member["ip_signup"]) == ("", "")
    assert (member["timestamp_opt"], member["ip_opt"]) == ("2026-03-02T12:00:00+00:00", "203.0.113.10")
    assert "unsubscribe_reason" not in member


def test_a_click_shows_in_feed_and_report_and_leaves_the_member_as_it_was(
    account: MailchimpServer, client: httpx.Client
) -> None:
    contact = account.add_member(NEWSLETTER, "a@b.example", at=NOON)
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=NOON)
    before = client.get(MEMBERS).json()["members"][0]
    account.click("c1", contact, "https://noord.example/x", at=NOON + timedelta(hours=1))
    assert client.get(MEMBERS).json()["members"][0]["last_changed"] == before["last_changed"]
    feed = client.get(f"{MEMBERS}/{before['id']}/activity-feed").json()
    assert [activity["activity_type"] for activity in feed["activity"]] == ["click", "sent"]
    assert "total_items" not in feed
    (recipient,) = client.get("/3.0/reports/c1/email-activity").json()["emails"]
    assert [(act["action"], act["timestamp"]) for act in recipient["activity"]] == [
        ("click", "2026-03-02T13:00:00+00:00")
    ]
    later = {"since": (NOON + timedelta(hours=1)).isoformat()}
    assert client.get("/3.0/reports/c1/email-activity", params=later).json()["emails"] == []


def test_a_permission_that_is_switched_has_its_moment_in_the_feed_alone(
    account: MailchimpServer, client: httpx.Client
) -> None:
    contact = account.add_member(NEWSLETTER, "a@b.example", at=NOON, permissions={PERMISSION: True})
    account.set_permission(NEWSLETTER, contact, PERMISSION, False, at=NOON + timedelta(hours=1))
    (member,) = client.get(MEMBERS).json()["members"]
    conform(member, schema_of(MEMBERS)["properties"]["members"]["items"])
    assert [(one["text"], one["enabled"]) for one in member["marketing_permissions"]] == [(PERMISSION, False)]
    feed = client.get(f"{MEMBERS}/{contact}/activity-feed").json()
    conform(feed, schema_of(f"{MEMBERS}/x/activity-feed"))
    assert feed["activity"][0]["created_at_timestamp"] == "2026-03-02T13:00:00+00:00"


def test_fields_can_be_asked_for_and_left_out(account: MailchimpServer, client: httpx.Client) -> None:
    account.add_member(NEWSLETTER, "a@b.example", at=NOON)
    assert client.get(MEMBERS, params={"fields": "total_items"}).json() == {"total_items": 1}
    only = client.get(MEMBERS, params={"fields": "members.status,members.merge_fields.FNAME"}).json()
    assert only == {"members": [{"status": "subscribed", "merge_fields": {"FNAME": ""}}]}
    account.add_campaign("c1", NEWSLETTER, "Maart", sent_at=NOON)
    (report,) = client.get("/3.0/reports", params={"exclude_fields": "reports.share_report"}).json()["reports"]
    assert "share_report" not in report
    assert "share_report" in client.get("/3.0/reports").json()["reports"][0]


def test_faults_come_in_order_on_the_paths_that_they_are_for(account: MailchimpServer, client: httpx.Client) -> None:
    account.inject(
        Fault(500, path="/reports"), Fault(429, retry_after="3"), Fault(half=True), Fault(403, bare=True), Fault(403)
    )
    assert client.get(MEMBERS).headers["Retry-After"] == "3"
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(MEMBERS)
    assert client.get(MEMBERS).content == b""
    assert problem_of(client.get(MEMBERS))["title"] == "Forbidden"
    assert problem_of(client.get("/3.0/reports"))["status"] == 500
    assert client.get("/3.0/reports").status_code == 200


def test_more_than_ten_connections_at_once_are_refused(account: MailchimpServer, client: httpx.Client) -> None:
    for _ in range(CONNECTIONS):
        assert account.connect()
    assert problem_of(client.get("/3.0/lists"))["title"] == "Too Many Requests"
    for _ in range(CONNECTIONS):
        account.disconnect()
    with ThreadPoolExecutor(5) as pool:
        statuses = pool.map(lambda _: client.get("/3.0/lists").status_code, range(20))
    assert set(statuses) == {200}


def test_the_sample_account_is_always_the_same() -> None:
    def listed(today: date) -> Any:
        with MailchimpServer() as server, httpx.Client(auth=("x", API_KEY)) as client:
            populate(server, people(60), today)
            return client.get(f"{server.url}{MEMBERS}", params={"count": 1000}).json()["members"]

    first = listed(TODAY)
    assert first == listed(TODAY)
    assert first != listed(date(2026, 3, 3))
    assert 25 <= len(first) <= 40


def test_stopping_ends_the_server_s_thread() -> None:
    server = MailchimpServer()
    before = threading.active_count()
    address = server.start()
    server.stop()
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
