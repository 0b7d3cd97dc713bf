"""HubSpot: contacts with their consent properties and history, archived contacts, communication preferences.

CRM v3 and communication preferences v4. The first load lists all contacts; after that each pull searches the window
of what changed since the last one, with an overlap for HubSpot's search index, which lags behind. A window is paged
by the record's id and not by offset, for a bulk edit gives thousands of contacts one instant and a search shows at
most its first 10,000 results.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from optkeeper import registry
from optkeeper.landing import addresses, countries, document
from optkeeper.registry import RegisteredSource
from optkeeper.sources import repeated_keys
from optkeeper.sources.http import HttpClient, SourceError
from optkeeper.sources.hubspot_notices import privacy_deletions
from optkeeper.sources.hubspot_preferences import Preferences
from optkeeper.sources.hubspot_records import broken, is_id
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    Cursor,
    Ledger,
    Listed,
    ListingEnded,
    Population,
    RawAddress,
    Received,
    StreamItem,
)

CONTACTS = "hubspot.contacts"
ARCHIVED_CONTACTS = "hubspot.archived_contacts"
STREAM = "contacts"
STATUS_STREAM = "statuses"

BASE_URL = "https://api.hubapi.com"
OVERLAP = timedelta(minutes=10)
SEARCH_PAGE = 100
LIST_PAGE = 100
HISTORY_PAGE = 50  # HubSpot's limit for a page or a batch with property history
SECONDS_BETWEEN_SEARCHES = 0.2  # five searches a second; search answers carry no rate-limit headers

_OBJECTS = "/crm/v3/objects/contacts"
_ADDRESSES = ("email", "hs_additional_emails")
_COUNTRY_CODE = re.compile(r"^[A-Za-z]{2}$")


@dataclass(frozen=True, slots=True)
class Property:
    """A row of `hubspot_properties.csv`; `*` in its name stands for each subscription type."""

    name: str
    has_history: bool

    def of_account(self, subscription_ids: Iterable[str]) -> tuple[str, ...]:
        """The properties of an account that it names."""
        if "*" not in self.name:
            return (self.name,)
        return tuple(self.name.replace("*", id_) for id_ in subscription_ids)


def properties() -> tuple[Property, ...]:
    """The properties of a contact that are asked for."""
    return _properties(registry.state("hubspot_properties"))


@lru_cache(maxsize=1)
def _properties(state: tuple[Path, int, int]) -> tuple[Property, ...]:
    return tuple(Property(row["property"], row["has_history"] == "true") for row in registry.rows("hubspot_properties"))


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
        self._preferences = Preferences(source.source, self._http)
        self._reread_days = source.status_reread_days
        self._connection = connection
        self._subscription_ids: tuple[str, ...] = ()

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """What is new since the ledger's cursors: definitions, contacts with their statuses, archived ones, notices."""
        with closing(self._http):
            yield from self._definitions()
            yield self._population()
            state = ledger.cursor(STREAM) or {}
            statuses = ledger.cursor(STATUS_STREAM) or {}
            if "until" in state:
                yield from self._changed_since(datetime.fromisoformat(state["until"]))
                listing = self._reread_begun(statuses)
                if listing is not None:
                    yield from self._reread(statuses, listing)
            else:
                listing = str(state.get("first_load_started_at") or self._now().isoformat())
                yield from self._first_load(state, listing)
            for _, page, results in self._listed(archived=True, after=None):
                place = f"archived page {page}"
                yield from self._with_statuses(ARCHIVED_CONTACTS, place, results)
                if listing is not None:
                    yield Listed(CONTACTS, listing, _ids_of(results))
            if listing is not None:
                yield ListingEnded(CONTACTS, listing)
                yield Cursor(STATUS_STREAM, {"read_at": listing})
        yield from privacy_deletions(self._source, self._connection, ledger)

    def _definitions(self) -> Iterator[Received | Broken]:
        """The subscription types; of each a contact has a property that says whether it opted out (and when)."""
        named = {
            row["subscription_id"]
            for row in registry.rows("hubspot_subscriptions")
            if row["source"] == self._source and is_id(row["subscription_id"])
        }
        for item in self._preferences.definitions():
            yield item
            named |= {one.source_id for one in repeated_keys.received_of(item) if is_id(one.source_id)}
        self._subscription_ids = tuple(sorted(named, key=int))

    def _first_load(self, state: Mapping[str, Any], started_at: str) -> Iterator[StreamItem]:
        """All contacts, page by page; killed, it goes on from the last page, and what changed meanwhile comes later."""
        for after, page, results in self._listed(archived=False, after=state.get("after")):
            yield from self._with_statuses(CONTACTS, f"page {page}", results)
            yield Listed(CONTACTS, started_at, _ids_of(results))
            if after is not None:
                yield Cursor(STREAM, {"first_load_started_at": started_at, "after": after})
        yield Cursor(STREAM, {"until": started_at})

    def _reread_begun(self, state: Mapping[str, Any]) -> str | None:
        """When the reading anew of all statuses began that is under way or due; None: it is not due."""
        if "started_at" in state:
            return str(state["started_at"])
        now = self._now()
        if self._reread_days is None:
            return None
        if "read_at" in state and now - datetime.fromisoformat(state["read_at"]) < timedelta(days=self._reread_days):
            return None
        return now.isoformat()

    def _reread(self, state: Mapping[str, Any], started_at: str) -> Iterator[StreamItem]:
        """The statuses of all contacts anew: that of an additional address changes without its contact's record."""
        for after, page, results in self._listed(archived=False, after=state.get("after"), only=_ADDRESSES):
            contact_of: dict[str, str] = {}
            for contact in results:
                # what is broken in a contact is told where it is read whole
                if isinstance(contact, dict) and is_id(contact.get("id")):
                    held = contact.get("properties")
                    _note_addresses(contact_of, str(contact["id"]), held if isinstance(held, dict) else {})
            yield from self._preferences.statuses(f"statuses anew, page {page}", contact_of)
            yield Listed(CONTACTS, started_at, _ids_of(results))
            if after is not None:
                yield Cursor(STATUS_STREAM, {**state, "started_at": started_at, "after": after})

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
                yield from self._with_statuses(CONTACTS, f"search page {number}, batch {part}", results)
        yield Cursor(STREAM, {"until": max(until, window_end).isoformat()})

    def _with_statuses(self, object_: str, place: str, results: Sequence[Any]) -> Iterator[Received | Broken]:
        """Contacts, and what their addresses are subscribed to: who is archived stays opted out."""
        contact_of: dict[str, str] = {}
        for item in self._contacts(object_, place, results):
            yield item
            for contact in repeated_keys.received_of(item):
                _note_addresses(contact_of, contact.source_id, contact.payload["properties"])
        yield from self._preferences.statuses(place, contact_of)

    def _contacts(self, object_: str, place: str, results: Sequence[Any]) -> Iterator[Received | Broken]:
        for number, contact in enumerate(results, start=1):
            where = f"{place}, item {number}"
            yield from repeated_keys.read(object_, where, contact, partial(_contact, object_))

    def _population(self) -> Population:
        total = self._search({"filterGroups": [], "properties": ["hs_object_id"], "limit": 1}).get("total")
        if not isinstance(total, int):
            raise SourceError(f"{self._source}: a search answered without its total")
        return Population(CONTACTS, total)

    def _listed(
        self, *, archived: bool, after: str | None, only: Sequence[str] = ()
    ) -> Iterator[tuple[str | None, int, Sequence[Any]]]:
        """Pages of all contacts, each with where the next one begins (None: it was the last).

        A place to go on from that a killed pull had left may no longer be known: then the list begins anew.
        """
        is_resumed = after is not None
        for page in count(1):
            params = {
                "limit": LIST_PAGE if only else HISTORY_PAGE,
                "archived": "true" if archived else "false",
                "properties": ",".join(only or self._asked_for()),
            }
            if not only:
                params["propertiesWithHistory"] = ",".join(self._asked_for(with_history=True))
            try:
                answer = self._http.get(_OBJECTS, params | ({"after": after} if after is not None else {}))
            except SourceError as refusal:
                if refusal.status != 400 or not is_resumed or page > 1:
                    raise
                yield from self._listed(archived=archived, after=None, only=only)
                return
            results = self._list(answer, "results", _OBJECTS)
            following = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if following is not None and str(following) == after:
                raise SourceError(f"{self._source}: GET {_OBJECTS} names the same page as its next one")
            after = None if following is None else str(following)
            yield after, page, results
            if after is None:
                return

    def _asked_for(self, *, with_history: bool = False) -> list[str]:
        asked = (one for one in properties() if one.has_history or not with_history)
        return [name for one in asked for name in one.of_account(self._subscription_ids)]

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
                if isinstance(found, dict) and is_id(found.get("id")):
                    ids.append(str(found["id"]))
                else:
                    place = f"search page {page}, item {number}"
                    yield broken(CONTACTS, place, "the search result has no id", found, "id")
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
                "properties": self._asked_for(),
                "propertiesWithHistory": self._asked_for(with_history=True),
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


def _contact(object_: str, position: str, contact: Any) -> Received | Broken:
    fault = _contact_fault(contact)
    if fault is not None:
        field, detail = fault
        return broken(object_, position, detail, contact, field, remains=_remains(object_, contact))
    return Received(object_, str(contact["id"]), contact, _addresses(contact))


def _contact_fault(contact: Any) -> tuple[str | None, str] | None:
    """What is wrong with a contact's shape: the field and a sentence, or None."""
    if not isinstance(contact, dict):
        return None, "the contact is no JSON object"
    if not is_id(contact.get("id")):
        return "id", "the contact has no id"
    held = contact.get("properties")
    if not isinstance(held, dict):
        return "properties", "the contact has no properties"
    for name, value in held.items():
        if not isinstance(value, str | None) and any(fnmatchcase(name, one.name) for one in properties()):
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


def _remains(object_: str, contact: Any) -> tuple[Received, ...]:
    """A broken contact without what is wrong in it, so that what it still says of opt-outs counts; none without id."""
    if not isinstance(contact, dict) or not is_id(contact.get("id")):
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
    return (Received(object_, str(left["id"]), left, _addresses(left)),)


def _country(held: Mapping[str, Any]) -> str | None:
    """The country by which the record's telephone numbers are read; staging takes the same one."""
    region = (held.get("hs_country_region_code") or "").strip()
    return countries.code(region if _COUNTRY_CODE.match(region) else held.get("country"))


def _note_addresses(contact_of: dict[str, str], contact: str, held: Mapping[str, Any]) -> None:
    """Notes whose the addresses of a contact are, as statuses are asked for by them."""
    for raw in _emails(held):
        if addresses.email(raw) is not None:
            contact_of.setdefault(raw.strip().casefold(), contact)


def _ids_of(results: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(one["id"]) for one in results if isinstance(one, dict) and is_id(one.get("id")))


def _emails(held: Mapping[str, Any]) -> list[str]:
    texts = [held.get(name) for name in _ADDRESSES]
    email, additional = (text if isinstance(text, str) else "" for text in texts)
    return [raw for raw in (email, *additional.split(";")) if raw.strip()]


def _addresses(contact: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    """The addresses that a contact carries, and those that it carried when something befell them."""
    held = contact["properties"]
    country = _country(held)
    phones = [held.get(name) or "" for name in ("phone", "mobilephone")]
    before = [entry.get("value") for entry in (contact.get("propertiesWithHistory") or {}).get("email") or ()]
    emails = dict.fromkeys((*_emails(held), *(raw for raw in before if isinstance(raw, str) and raw.strip())))
    return (
        *(RawAddress("email", raw) for raw in emails),
        *(RawAddress("phone", raw, country) for raw in phones if raw.strip()),
    )
