"""HubSpot: contacts with their consent properties and history, archived contacts, communication preferences.

CRM v3 and communication preferences v4. The first load lists all contacts; after that each pull searches the window
of what changed since the last one, with an overlap for HubSpot's search index, which lags behind. A window is paged
by the record's id and not by offset, for a bulk edit gives thousands of contacts one instant and a search shows at
most its first 10,000 results.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from optkeeper import registry, settings
from optkeeper.landing import addresses, countries, document, excerpt
from optkeeper.registry import RegisteredSource
from optkeeper.sources import repeated_keys
from optkeeper.sources.http import HttpClient, SourceError
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    Cursor,
    Excerpt,
    Ledger,
    Population,
    RawAddress,
    Received,
    StreamItem,
)

CONTACTS = "hubspot.contacts"
ARCHIVED_CONTACTS = "hubspot.archived_contacts"
SUBSCRIPTION_DEFINITIONS = "hubspot.subscription_definitions"
SUBSCRIPTION_STATUSES = "hubspot.subscription_statuses"
STREAM = "contacts"

BASE_URL = "https://api.hubapi.com"
OVERLAP = timedelta(minutes=10)
SEARCH_PAGE = 100
HISTORY_PAGE = 50  # HubSpot's limit for a page or a batch with property history
STATUS_BATCH = 100
SECONDS_BETWEEN_SEARCHES = 0.2  # five searches a second; search answers carry no rate-limit headers

STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")

_OBJECTS = "/crm/v3/objects/contacts"
_PREFERENCES = "/communication-preferences/v4"
_ID = re.compile(r"^[0-9]{1,19}\Z")
_COUNTRY_CODE = re.compile(r"^[A-Za-z]{2}$")


def properties() -> tuple[str, ...]:
    """The properties of a contact that are asked for: rows of `hubspot_properties.csv`."""
    return tuple(name for name, _ in _properties(tuple(settings.registry_folders())))


def properties_with_history() -> tuple[str, ...]:
    """Those of them that are asked for with all their values since ever."""
    return tuple(name for name, has_history in _properties(tuple(settings.registry_folders())) if has_history)


@cache
def _properties(folders: tuple[Path, ...]) -> tuple[tuple[str, bool], ...]:
    return tuple((row["property"], row["has_history"] == "true") for row in registry.rows("hubspot_properties"))


class HubSpot:
    """A HubSpot account as a source. The connection's password is a private app's access token.

    Args:
        source: its row in the registry.
        connection: `extra.base_url` replaces HubSpot's own address.
        now: for tests; the upper bound of a window.
        sleep: for tests; waits that many seconds.
    """

    def __init__(
        self,
        source: RegisteredSource,
        connection: ConnectionDetails,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not connection.password:
            raise SourceError(f"{source.source}: the connection holds no access token")
        self._source = source.source
        self._now = now
        self._sleep = sleep
        self._http = HttpClient(
            source.source,
            str(connection.extra.get("base_url") or BASE_URL),
            {"Authorization": f"Bearer {connection.password}"},
            sleep=sleep,
            pause=_pause,
            exhausted=_exhausted,
        )

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """What is new since the ledger's cursor: definitions, contacts with their subscriptions, archived contacts."""
        with closing(self._http):
            yield from self._definitions()
            yield self._population()
            state = ledger.cursor(STREAM) or {}
            if "until" in state:
                yield from self._changed_since(datetime.fromisoformat(state["until"]))
            else:
                yield from self._first_load(state)
            for _, page, results in self._listed(archived=True, after=None):
                yield from self._contacts(ARCHIVED_CONTACTS, f"archived page {page}", results)

    def _first_load(self, state: Mapping[str, Any]) -> Iterator[StreamItem]:
        """All contacts, page by page; killed, it goes on from the last page, and what changed meanwhile comes later."""
        started_at = state.get("first_load_started_at") or self._now().isoformat()
        for after, page, results in self._listed(archived=False, after=state.get("after")):
            yield from self._with_subscriptions(f"page {page}", results)
            if after is not None:
                yield Cursor(STREAM, {"first_load_started_at": started_at, "after": after})
        yield Cursor(STREAM, {"until": started_at})

    def _changed_since(self, until: datetime) -> Iterator[StreamItem]:
        """The contacts that changed in the window from the last one's end, less the overlap, to this moment."""
        window_end = self._now()
        batches = self._ids_between(until - OVERLAP, window_end)
        for number, ids in enumerate(batches, start=1):
            if isinstance(ids, Broken):
                yield ids
                continue
            for part, first in enumerate(range(0, len(ids), HISTORY_PAGE), start=1):
                results = self._read(ids[first : first + HISTORY_PAGE])
                yield from self._with_subscriptions(f"search page {number}, batch {part}", results)
        yield Cursor(STREAM, {"until": max(until, window_end).isoformat()})

    def _with_subscriptions(self, place: str, results: Sequence[Any]) -> Iterator[StreamItem]:
        contact_of: dict[str, str] = {}
        for item in self._contacts(CONTACTS, place, results):
            yield item
            for contact in repeated_keys.received_of(item):
                for raw in _emails(contact.payload["properties"]):
                    if addresses.email(raw) is not None:
                        contact_of.setdefault(raw.strip().casefold(), contact.source_id)
        asked = list(contact_of)
        for first in range(0, len(asked), STATUS_BATCH):
            yield from self._subscriptions(place, asked[first : first + STATUS_BATCH], contact_of)

    def _contacts(self, object_: str, place: str, results: Sequence[Any]) -> Iterator[Received | Broken]:
        for number, contact in enumerate(results, start=1):
            where = f"{place}, item {number}"
            yield from repeated_keys.read(object_, where, contact, partial(_contact, object_))

    def _subscriptions(
        self, place: str, asked: Sequence[str], contact_of: Mapping[str, str]
    ) -> Iterator[Received | Broken]:
        path = f"{_PREFERENCES}/statuses/batch/read"
        answer = self._http.post(path, {"inputs": list(asked)}, {"channel": "EMAIL"})
        for number, subscriber in enumerate(self._list(answer, "results", path), start=1):
            where = f"{place}, subscriber {number}"
            yield from repeated_keys.read(SUBSCRIPTION_STATUSES, where, subscriber, partial(_statuses, contact_of))
        for number, problem in enumerate(answer.get("errors") or [], start=1):
            yield _broken(
                SUBSCRIPTION_STATUSES, f"{place}, error {number}", "HubSpot could not answer for a subscriber", problem
            )

    def _definitions(self) -> Iterator[Received | Broken]:
        path = f"{_PREFERENCES}/definitions"
        for number, definition in enumerate(self._list(self._http.get(path), "results", path), start=1):
            where = f"item {number}"
            yield from repeated_keys.read(SUBSCRIPTION_DEFINITIONS, where, definition, _definition)

    def _population(self) -> Population:
        total = self._search({"filterGroups": [], "properties": ["hs_object_id"], "limit": 1}).get("total")
        if not isinstance(total, int):
            raise SourceError(f"{self._source}: a search answered without its total")
        return Population(CONTACTS, total)

    def _listed(self, *, archived: bool, after: str | None) -> Iterator[tuple[str | None, int, Sequence[Any]]]:
        """Pages of all contacts, each with where the next one begins (None: it was the last)."""
        for page in count(1):
            params = {
                "limit": HISTORY_PAGE,
                "archived": "true" if archived else "false",
                "properties": ",".join(properties()),
                "propertiesWithHistory": ",".join(properties_with_history()),
            }
            answer = self._http.get(_OBJECTS, params | ({"after": after} if after is not None else {}))
            results = self._list(answer, "results", _OBJECTS)
            following = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if following is not None and str(following) == after:
                raise SourceError(f"{self._source}: GET {_OBJECTS} names the same page as its next one")
            after = None if following is None else str(following)
            yield after, page, results
            if after is None:
                return

    def _ids_between(self, start: datetime, end: datetime) -> Iterator[list[str] | Broken]:
        """The ids of what changed in a window, each page above the last one's highest id, until nothing remains."""
        above: int | None = None
        for page in count(1):
            filters = [
                {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(_milliseconds(start))},
                {"propertyName": "lastmodifieddate", "operator": "LTE", "value": str(_milliseconds(end))},
            ]
            if above is not None:
                filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(above)})
            answer = self._search(
                {
                    "filterGroups": [{"filters": filters}],
                    "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                    "properties": ["hs_object_id", "lastmodifieddate"],
                    "limit": SEARCH_PAGE,
                }
            )
            results = self._list(answer, "results", f"{_OBJECTS}/search")
            ids: list[str] = []
            for number, found in enumerate(results, start=1):
                if isinstance(found, dict) and _is_id(found.get("id")):
                    ids.append(str(found["id"]))
                else:
                    place = f"search page {page}, item {number}"
                    yield _broken(CONTACTS, place, "the search result has no id", found, "id")
            if ids:
                if min(map(int, ids)) <= (-1 if above is None else above):
                    raise SourceError(
                        f"{self._source}: POST {_OBJECTS}/search does not go on above the id it was given"
                    )
                above = max(map(int, ids))
                yield ids
            if not results or answer.get("total") == len(results):
                return
            if not ids:
                raise SourceError(
                    f"{self._source}: POST {_OBJECTS}/search answered with a page that has no id to go on from"
                )

    def _read(self, ids: Sequence[str]) -> Sequence[Any]:
        """Contacts by id, with history; one that was archived or merged meanwhile is not among them."""
        path = f"{_OBJECTS}/batch/read"
        answer = self._http.post(
            path,
            {
                "properties": list(properties()),
                "propertiesWithHistory": list(properties_with_history()),
                "inputs": [{"id": id_} for id_ in ids],
            },
        )
        for problem in answer.get("errors") or []:
            category = problem.get("category") if isinstance(problem, dict) else None
            if category != "OBJECT_NOT_FOUND":
                raise SourceError(f"{self._source}: POST {path} answered with an error of category {category}")
        return self._list(answer, "results", path)

    def _search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        path = f"{_OBJECTS}/search"
        answer = self._http.post(path, body)
        self._list(answer, "results", path)
        self._sleep(SECONDS_BETWEEN_SEARCHES)
        found: Mapping[str, Any] = answer
        return found

    def _list(self, answer: Any, key: str, path: str) -> list[Any]:
        found = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SourceError(f"{self._source}: {path} answered without a list of {key}")
        return found


def _pause(response: httpx.Response) -> float:
    """The whole interval once its last request is used; HubSpot shares the quota among all apps of the account."""
    remaining = response.headers.get("X-HubSpot-RateLimit-Remaining", "")
    interval = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    if remaining.isdigit() and interval.isdigit() and int(remaining) == 0:
        return int(interval) / 1000
    return 0.0


def _exhausted(response: httpx.Response) -> str | None:
    """HubSpot's daily quota comes back at midnight; to wait for it helps nobody."""
    try:
        refusal = document.decode(response.content)
    except document.MalformedDocument:
        return None
    if isinstance(refusal, dict) and refusal.get("policyName") == "DAILY":
        return "the account's daily number of requests is used up"
    return None


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _is_id(value: Any) -> bool:
    return _ID.match(str(value)) is not None


def _contact(object_: str, position: str, contact: Any) -> Received | Broken:
    fault = _contact_fault(contact)
    if fault is not None:
        field, detail = fault
        return _broken(object_, position, detail, contact, field, remains=_remains(object_, contact))
    return Received(object_, str(contact["id"]), contact, _addresses(contact["properties"]))


def _statuses(contact_of: Mapping[str, str], position: str, subscriber: Any) -> Iterator[Received | Broken]:
    statuses = subscriber.get("statuses") if isinstance(subscriber, dict) else None
    if not isinstance(statuses, list):
        yield _broken(SUBSCRIPTION_STATUSES, position, "it holds no list of statuses", subscriber, "statuses")
        return
    for number, status in enumerate(statuses, start=1):
        fault = _status_fault(status, contact_of)
        if fault is not None:
            field, detail = fault
            where = f"{position}, status {number}"
            yield _broken(SUBSCRIPTION_STATUSES, where, detail, status, field, _unsubscribed(status))
            continue
        contact = contact_of[status["subscriberIdString"].strip().casefold()]
        # The contact's id and not the address: a source id outlives the erasure of personal data.
        yield Received(
            SUBSCRIPTION_STATUSES,
            f"{contact}/{status['subscriptionId']}",
            status,
            (RawAddress("email", status["subscriberIdString"]),),
        )


def _definition(position: str, definition: Any) -> Received | Broken:
    if not isinstance(definition, dict) or not _is_id(definition.get("id")):
        return _broken(SUBSCRIPTION_DEFINITIONS, position, "the definition has no id", definition, "id")
    return Received(SUBSCRIPTION_DEFINITIONS, str(definition["id"]), definition)


def _contact_fault(contact: Any) -> tuple[str | None, str] | None:
    """What is wrong with a contact's shape: the field and a sentence, or None."""
    if not isinstance(contact, dict):
        return None, "the contact is no JSON object"
    if not _is_id(contact.get("id")):
        return "id", "the contact has no id"
    held = contact.get("properties")
    if not isinstance(held, dict):
        return "properties", "the contact has no properties"
    for name in properties():
        if not isinstance(held.get(name), str | None):
            return f"properties.{name}", "the property is no text"
    if not ((held.get("lastmodifieddate") or "").strip() or contact.get("updatedAt")):
        return "properties.lastmodifieddate", "the contact does not say when it changed"
    histories = contact.get("propertiesWithHistory", {})
    if not isinstance(histories, dict):
        return "propertiesWithHistory", "the history is no JSON object"
    for name, history in histories.items():
        if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
            return f"propertiesWithHistory.{name}", "the property's history is no list of values"
    return None


def _status_fault(status: Any, contact_of: Mapping[str, str]) -> tuple[str | None, str] | None:
    """What is wrong with a subscription status' shape: the field and a sentence, or None."""
    if not isinstance(status, dict):
        return None, "the status is no JSON object"
    subscriber = status.get("subscriberIdString")
    if not isinstance(subscriber, str) or subscriber.strip().casefold() not in contact_of:
        return "subscriberIdString", "the status is of nobody that was asked for"
    if not _is_id(status.get("subscriptionId")):
        return "subscriptionId", "the status names no subscription"
    if status.get("status") not in STATUSES:
        return "status", "the status is none that is known"
    return None


def _broken(
    object_: str,
    position: str,
    detail: str,
    raw: Any,
    field: str | None = None,
    excerpts: tuple[Excerpt, ...] = (),
    remains: tuple[Received, ...] = (),
) -> Broken:
    received = document.encode(raw)
    return Broken(object_, position, "malformed_record", detail, received, field, excerpts=excerpts, remains=remains)


def _remains(object_: str, contact: Any) -> tuple[Received, ...]:
    """A broken contact without what is wrong in it, so that what it still says of opt-outs counts; none without id."""
    if not isinstance(contact, dict) or not _is_id(contact.get("id")):
        return ()
    left = dict(contact)
    for name in ("properties", "propertiesWithHistory"):
        left[name] = dict(left[name]) if isinstance(left.get(name), dict) else {}
    held, histories = left["properties"], left["propertiesWithHistory"]
    for name, value in list(held.items()):
        if not isinstance(value, str | None):
            # a box that says yes in another type than text still says it
            held[name] = str(value).lower() if isinstance(value, bool | int) else None
    for name, history in list(histories.items()):
        histories[name] = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    return (Received(object_, str(left["id"]), left, _addresses(held)),)


def _unsubscribed(status: Any) -> tuple[Excerpt, ...]:
    """The opt-out that a broken status names; what it is about cannot be read, so it is from all e-mail."""
    if not isinstance(status, dict) or "unsubscribed" not in str(status.get("status")).casefold():
        return ()
    named = excerpt.broken_id(document.encode(status))
    return excerpt.of_restriction("consent_withdrawn", named, [str(status.get("subscriberIdString") or "")])


def _country(held: Mapping[str, Any]) -> str | None:
    """The country by which the record's telephone numbers are read; staging takes the same one."""
    region = (held.get("hs_country_region_code") or "").strip()
    return countries.code(region if _COUNTRY_CODE.match(region) else held.get("country"))


def _emails(held: Mapping[str, Any]) -> list[str]:
    additional = (held.get("hs_additional_emails") or "").split(";")
    return [raw for raw in (held.get("email") or "", *additional) if raw.strip()]


def _addresses(held: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    country = _country(held)
    phones = [held.get(name) or "" for name in ("phone", "mobilephone")]
    return (
        *(RawAddress("email", raw) for raw in _emails(held)),
        *(RawAddress("phone", raw, country) for raw in phones if raw.strip()),
    )
