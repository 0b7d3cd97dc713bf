"""A HubSpot account in memory that speaks HubSpot's protocol over HTTP, for the demo and the tests.

CRM v3 contacts (list, search, batch read, merge, archive) and communication preferences v4, with HubSpot's own page
sizes, ceilings, error bodies and rate-limit headers. Faults can be queued, so that a client's patience is tried.
"""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from optkeeper import registry
from optkeeper.landing import document
from optkeeper.samples.people import Person

TOKEN = "pat-eu1-sample"  # noqa: S105  the sample account's, and no secret
LIST_LIMIT = 100
HISTORY_LIMIT = 50
BATCH_LIMIT = 100
SEARCH_LIMIT = 200
SEARCH_CEILING = 10_000
REQUESTS_IN_TEN_SECONDS = 190
_INTERVAL_SECONDS = 10.0
_DEFAULT_PROPERTIES = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
_NUMBERS = ("hs_object_id",)
_INSTANTS = ("lastmodifieddate", "createdate")
_OBJECTS = "/crm/v3/objects/contacts"
_PREFERENCES = "/communication-preferences/v4"

NEWSLETTER, EVENTS, PRODUCT_NEWS, ONE_TO_ONE = 412001, 412002, 412003, 412009
CONSENT_LABEL = "Freely given consent from contact"
LEGITIMATE_INTEREST_LABEL = "Legitimate interest – prospect/lead"


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does to one request instead of answering it.

    `status` 200 with `half` breaks the connection in the middle of the true answer. `path` limits the fault to
    requests whose path ends so.
    """

    status: int = 200
    retry_after: str | None = None
    half: bool = False
    policy: str = "TEN_SECONDLY_ROLLING"
    path: str = ""


@dataclass(slots=True)
class Contact:
    """A contact record with the history of all its properties, oldest first."""

    id: int
    created_at: datetime
    updated_at: datetime
    properties: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    archived_at: datetime | None = None


class _Refused(Exception):
    def __init__(self, status: int, message: str, category: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category}
        self.body |= more


def instant_text(instant: datetime) -> str:
    """An instant as HubSpot writes it: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


class HubSpotServer:
    """The account and its HTTP server on a free port of the loopback interface.

    Args:
        token: the access token that it takes.
        search_ceiling: how many results of one search can be reached.
        requests_in_ten_seconds: its rate limit.
        has_batch_statuses: whether its plan may ask for the statuses of many addresses at once.
        refused_addresses: addresses in which the statuses' endpoints take offence.
        left_out_addresses: addresses for which a batch of statuses answers with an error beside the others.
        clock: for tests; seconds by which the rate limit is counted.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        search_ceiling: int = SEARCH_CEILING,
        requests_in_ten_seconds: int = REQUESTS_IN_TEN_SECONDS,
        has_batch_statuses: bool = True,
        refused_addresses: Iterable[str] = (),
        left_out_addresses: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self._token = token
        self._search_ceiling = search_ceiling
        self._requests_in_ten_seconds = requests_in_ten_seconds
        self._has_batch_statuses = has_batch_statuses
        self._refused_addresses = {address.casefold() for address in refused_addresses}
        self._left_out_addresses = {address.casefold() for address in left_out_addresses}
        self._clock = clock
        self._answered: deque[float] = deque()
        self._contacts: dict[int, Contact] = {}
        self._malformed: list[Any] = []
        self._definitions: dict[int, dict[str, Any]] = {}
        self._statuses: dict[tuple[str, int], dict[str, Any]] = {}
        self._ids = count(101)
        self._lock = threading.RLock()
        self._http: ThreadingHTTPServer | None = None

    # The server

    def start(self) -> str:
        """Serves on a free port and answers the address."""
        self._http = _Http(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self.url

    def stop(self) -> None:
        """Ends the server; the account stays as it is."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def __enter__(self) -> "HubSpotServer":
        """Starts the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server."""
        self.stop()

    @property
    def url(self) -> str:
        """The address of the running server."""
        if self._http is None:
            raise RuntimeError("the server is not running")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def inject(self, *faults: Fault) -> None:
        """Queues faults: each is done to the next request that its path fits."""
        with self._lock:
            self.faults.extend(faults)

    # The account

    def add_contact(self, properties: Mapping[str, str], *, at: datetime, contact_id: int | None = None) -> str:
        """A new contact, made at an instant; answers its id."""
        with self._lock:
            id_ = next(self._ids) if contact_id is None else contact_id
            contact = Contact(id_, at, at)
            self._contacts[id_] = contact
            fixed = {"hs_object_id": str(id_), "createdate": instant_text(at)}
            self._write(contact, {**properties, **fixed}, at, "INTEGRATION")
            return str(id_)

    def update_contact(self, contact_id: str, changes: Mapping[str, str], *, at: datetime) -> None:
        """Changes properties of a contact; an empty text clears one."""
        with self._lock:
            self._write(self._contacts[int(contact_id)], changes, at, "CRM_UI")

    def merge_contacts(self, survivor: str, merged: str, *, at: datetime) -> None:
        """Merges a contact into another one; its address becomes an additional one, its record is gone."""
        with self._lock:
            kept, gone = self._contacts[int(survivor)], self._contacts.pop(int(merged))
            ids = [*_split(kept.properties.get("hs_merged_object_ids")), str(gone.id)]
            emails = [
                *_split(kept.properties.get("hs_additional_emails")),
                *([gone.properties["email"]] if gone.properties.get("email") else []),
                *_split(gone.properties.get("hs_additional_emails")),
            ]
            inherited = {
                name: value
                for name, value in gone.properties.items()
                if name not in kept.properties and name not in ("hs_object_id", "createdate", "lastmodifieddate")
            }
            changes = {
                **inherited,
                "hs_merged_object_ids": ";".join(ids),
                "hs_additional_emails": ";".join(dict.fromkeys(emails)),
            }
            self._write(kept, changes, at, "MERGE_OBJECTS")

    def archive_contact(self, contact_id: str, *, at: datetime) -> None:
        """Moves a contact to the recycle bin: search and list no longer show it, the archived list does."""
        with self._lock:
            contact = self._contacts[int(contact_id)]
            contact.archived_at = contact.updated_at = at

    def delete_contact_for_privacy(self, contact_id: str) -> dict[str, Any]:
        """Deletes a contact as the AVG asks: nothing shows it any more. Answers the webhook's notice of it."""
        with self._lock:
            contact = self._contacts.pop(int(contact_id))
            return {
                "eventId": contact.id,
                "subscriptionId": 1,
                "portalId": 1,
                "occurredAt": _milliseconds(datetime.now(UTC)),
                "subscriptionType": "contact.privacyDeletion",
                "attemptNumber": 0,
                "objectId": contact.id,
            }

    def add_malformed(self, item: Any) -> None:
        """An item that breaks the protocol, listed after all contacts."""
        with self._lock:
            self._malformed.append(item)

    def define_subscription(self, subscription_id: int, name: str, *, at: datetime, internal: bool = False) -> None:
        """A subscription type that contacts can be subscribed to."""
        with self._lock:
            self._definitions[subscription_id] = {
                "id": str(subscription_id),
                "name": name,
                "description": name,
                "purpose": "Sales" if internal else "Marketing",
                "communicationMethod": "One to One" if internal else "Email",
                "isActive": True,
                "isDefault": internal,
                "isInternal": internal,
                "createdAt": instant_text(at),
                "updatedAt": instant_text(at),
            }

    def set_status(
        self,
        email: str,
        subscription_id: int,
        status: str,
        *,
        at: datetime,
        legal_basis: str | None = None,
        explanation: str | None = None,
        source: str = "SUBSCRIPTION_STATUS",
        source_type: str = "EMAIL",
    ) -> None:
        """Sets a subscription status; as in HubSpot, that of its first address changes the contact's record too."""
        with self._lock:
            kept: dict[str, Any] = {
                "subscriberIdString": email,
                "subscriptionId": subscription_id,
                "subscriptionName": self._definitions[subscription_id]["name"],
                "channel": "EMAIL",
                "status": status,
                "source": source,
                "timestamp": instant_text(at),
            }
            if legal_basis is not None:
                kept["legalBasis"] = legal_basis
            if explanation is not None:
                kept["legalBasisExplanation"] = explanation
            self._statuses[email.casefold(), subscription_id] = kept
            for contact in self._contacts.values():
                if email.casefold() == contact.properties.get("email", "").casefold() and contact.updated_at < at:
                    opted_out = "true" if status == "UNSUBSCRIBED" else "false"
                    self._write(contact, {f"hs_email_optout_{subscription_id}": opted_out}, at, source_type)

    def _write(self, contact: Contact, changes: Mapping[str, str], at: datetime, source_type: str) -> None:
        for name, value in {**changes, "lastmodifieddate": instant_text(at)}.items():
            if contact.properties.get(name, "") == value and name != "lastmodifieddate":
                continue
            if value == "":
                contact.properties.pop(name, None)
            else:
                contact.properties[name] = value
            entry = {"value": value, "timestamp": instant_text(at), "sourceType": source_type}
            contact.history.setdefault(name, []).append(entry)
        contact.updated_at = at

    # The answers

    def answer(
        self, method: str, path: str, query: dict[str, str], token: str, body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers of the answer to one request."""
        with self._lock:
            self.requests.append((method, path, query, body))
            headers = {}
            try:
                if token != f"Bearer {self._token}":
                    raise _Refused(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
                headers = self._count_request(is_search=path.endswith("/search"))
                return *self._route(method, path, query, body), headers
            except _Refused as refusal:
                return refusal.status, refusal.body, headers

    def next_fault(self, path: str) -> Fault | None:
        """The first queued fault that fits a path, taken out of the queue."""
        with self._lock:
            for fault in self.faults:
                if path.endswith(fault.path):
                    self.faults.remove(fault)
                    return fault
        return None

    def _count_request(self, *, is_search: bool) -> dict[str, str]:
        now = self._clock()
        while self._answered and now - self._answered[0] >= _INTERVAL_SECONDS:
            self._answered.popleft()
        if len(self._answered) >= self._requests_in_ten_seconds:
            raise _Refused(
                429,
                "You have reached your ten_secondly_rolling limit.",
                "RATE_LIMITS",
                errorType="RATE_LIMIT",
                policyName="TEN_SECONDLY_ROLLING",
            )
        self._answered.append(now)
        if is_search:
            return {}
        return {
            "X-HubSpot-RateLimit-Max": str(self._requests_in_ten_seconds),
            "X-HubSpot-RateLimit-Remaining": str(self._requests_in_ten_seconds - len(self._answered)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(_INTERVAL_SECONDS * 1000)),
        }

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if (method, path) == ("GET", _OBJECTS):
            return 200, self._list(query)
        if (method, path) == ("POST", f"{_OBJECTS}/search"):
            return 200, self._search(_object(body))
        if (method, path) == ("POST", f"{_OBJECTS}/batch/read"):
            return self._batch_read(_object(body))
        if (method, path) == ("POST", f"{_OBJECTS}/merge"):
            return 200, self._merge(_object(body))
        if (method, path) == ("GET", f"{_PREFERENCES}/definitions"):
            return 200, self._completed({"results": list(self._definitions.values())})
        if (method, path) == ("POST", f"{_PREFERENCES}/statuses/batch/read"):
            return 200, self._status_batch(query, _object(body))
        if path.startswith(f"{_PREFERENCES}/statuses/") and method in ("GET", "POST"):
            email = unquote(path.removeprefix(f"{_PREFERENCES}/statuses/"))
            return 200, self._status_of_one(method, email, query, body)
        raise _Refused(404, "resource not found", "OBJECT_NOT_FOUND")

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        properties = _names(query.get("properties"))
        with_history = _names(query.get("propertiesWithHistory"))
        limit = _limit(query.get("limit", "10"), HISTORY_LIMIT if with_history else LIST_LIMIT)
        archived = query.get("archived", "false") == "true"
        after = query.get("after", "0")
        if not after.isdigit():
            raise _Refused(400, "after is invalid", "VALIDATION_ERROR")
        listed: list[Any] = [
            (contact.id, self._shown(contact, properties, with_history))
            for contact in sorted(self._contacts.values(), key=lambda contact: contact.id)
            if (contact.archived_at is not None) == archived
        ]
        if not archived:
            highest = max(self._contacts, default=0)
            listed += [(highest + number, item) for number, item in enumerate(self._malformed, start=1)]
        following = [(id_, item) for id_, item in listed if id_ > int(after)]
        answer: dict[str, Any] = {"results": [item for _, item in following[:limit]]}
        if len(following) > limit:
            last = str(following[limit - 1][0])
            link = f"{self.url}{_OBJECTS}?limit={limit}&after={last}"
            answer["paging"] = {"next": {"after": last, "link": link}}
        return answer

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        limit = _limit(body.get("limit", 10), SEARCH_LIMIT)
        after = int(body.get("after") or 0)
        groups = body.get("filterGroups", [])
        if len(groups) > 5 or any(len(group["filters"]) > 6 for group in groups):
            raise _Refused(400, "There are too many filters.", "VALIDATION_ERROR")
        if after + limit > self._search_ceiling:
            message = f"There was a problem with the request: paging beyond {self._search_ceiling} results."
            raise _Refused(400, message, "VALIDATION_ERROR")
        found = [
            contact
            for contact in self._contacts.values()
            if contact.archived_at is None
            and (not groups or any(all(_holds(contact, rule) for rule in group["filters"]) for group in groups))
        ]
        for order in reversed(body.get("sorts") or ["createdate"]):
            name, descending = _order(order)
            found.sort(key=lambda contact: _comparable(name, contact.properties.get(name, "")), reverse=descending)
        names = body.get("properties") or ()
        page = found[after : after + limit]
        answer: dict[str, Any] = {"total": len(found), "results": [self._shown(one, names, ()) for one in page]}
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return answer

    def _batch_read(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        with_history = body.get("propertiesWithHistory") or ()
        inputs = [str(one["id"]) for one in body.get("inputs", [])]
        if len(inputs) > (HISTORY_LIMIT if with_history else BATCH_LIMIT):
            raise _Refused(400, "The maximum number of inputs is exceeded.", "VALIDATION_ERROR")
        live = {id_: contact for id_, contact in self._contacts.items() if contact.archived_at is None}
        found = [live[int(id_)] for id_ in inputs if int(id_) in live]
        results = [self._shown(one, body.get("properties") or (), with_history) for one in found]
        missing = [id_ for id_ in inputs if int(id_) not in live]
        answer = self._completed({"results": results})
        if not missing:
            return 200, answer
        problem = {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
            "context": {"ids": missing},
        }
        return 207, {**answer, "numErrors": 1, "errors": [problem]}

    def _merge(self, body: Mapping[str, Any]) -> dict[str, Any]:
        survivor, merged = str(body.get("primaryObjectId")), str(body.get("objectIdToMerge"))
        for id_ in (survivor, merged):
            if not id_.isdigit() or int(id_) not in self._contacts:
                raise _Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        self.merge_contacts(survivor, merged, at=datetime.now(UTC))
        return self._shown(self._contacts[int(survivor)], (), ())

    def _status_batch(self, query: dict[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        _only_email(query.get("channel"))
        inputs: Sequence[str] = body.get("inputs", [])
        if len(inputs) > BATCH_LIMIT:
            raise _Refused(400, "The maximum number of inputs is exceeded.", "VALIDATION_ERROR")
        if not self._has_batch_statuses:
            raise _Refused(403, "This app hasn't been granted all required scopes.", "MISSING_SCOPES")
        for email in inputs:
            self._refuse_address(email)
        answered = [email for email in inputs if email.casefold() not in self._left_out_addresses]
        results = [{"subscriberIdString": email, "statuses": self._statuses_of(email)} for email in answered]
        answer = self._completed({"results": results})
        if len(answered) == len(inputs):
            return answer
        problem = {"status": "error", "category": "VALIDATION_ERROR", "message": "Some subscribers could not be read."}
        return {**answer, "numErrors": len(inputs) - len(answered), "errors": [problem]}

    def _status_of_one(self, method: str, email: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        if method == "POST":
            change = _object(body)
            _only_email(change.get("channel"))
            if change.get("subscriptionId") not in self._definitions:
                raise _Refused(400, "The subscription does not exist.", "VALIDATION_ERROR")
            self.set_status(
                email,
                change["subscriptionId"],
                change["statusState"],
                at=datetime.now(UTC),
                legal_basis=change.get("legalBasis"),
                explanation=change.get("legalBasisExplanation"),
            )
            changed = [one for one in self._statuses_of(email) if one["subscriptionId"] == change["subscriptionId"]]
            return self._completed({"results": changed})
        _only_email(query.get("channel"))
        self._refuse_address(email)
        return self._completed({"results": self._statuses_of(email)})

    def _refuse_address(self, email: str) -> None:
        if email.casefold() in self._refused_addresses:
            raise _Refused(400, "The subscriber is invalid.", "VALIDATION_ERROR")

    def _statuses_of(self, email: str) -> list[dict[str, Any]]:
        """Every subscription has a status for every subscriber; one that was never set is not specified."""
        return [
            self._statuses.get((email.casefold(), subscription_id))
            or {
                "subscriberIdString": email,
                "subscriptionId": subscription_id,
                "subscriptionName": definition["name"],
                "channel": "EMAIL",
                "status": "NOT_SPECIFIED",
                "source": "SUBSCRIPTION_STATUS",
                "timestamp": definition["createdAt"],
            }
            for subscription_id, definition in self._definitions.items()
        ]

    @staticmethod
    def _completed(answer: Mapping[str, Any]) -> dict[str, Any]:
        now = instant_text(datetime.now(UTC))
        return {"status": "COMPLETE", **answer, "startedAt": now, "completedAt": now}

    @staticmethod
    def _shown(contact: Contact, names: Iterable[str], with_history: Iterable[str]) -> dict[str, Any]:
        shown = dict.fromkeys((*(names or _DEFAULT_PROPERTIES), "createdate", "hs_object_id", "lastmodifieddate"))
        answer: dict[str, Any] = {
            "id": str(contact.id),
            "properties": {name: contact.properties.get(name) for name in shown},
            "createdAt": instant_text(contact.created_at),
            "updatedAt": instant_text(contact.updated_at),
            "archived": contact.archived_at is not None,
        }
        if contact.archived_at is not None:
            answer["archivedAt"] = instant_text(contact.archived_at)
        histories = {name: contact.history[name][::-1] for name in with_history if name in contact.history}
        if histories:
            answer["propertiesWithHistory"] = histories
        return answer


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # The default of five refuses connections when several clients come at once.
    request_queue_size = 128


def _handler_of(account: HubSpotServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            split = urlsplit(self.path)
            query = {name: ",".join(values) for name, values in parse_qs(split.query).items()}
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = account.next_fault(split.path)
            if fault is not None and not fault.half:
                self._refuse(fault)
                return
            try:
                body = json.loads(content) if content else None
            except ValueError:
                body = None
            status, answer, headers = account.answer(
                self.command, split.path, query, self.headers.get("Authorization", ""), body
            )
            self._send(status, answer, headers, half=fault is not None)

        do_GET = do_POST = _respond  # noqa: N815

        def _refuse(self, fault: Fault) -> None:
            refusal = {"status": "error", "message": "internal error", "correlationId": str(uuid.uuid4())}
            headers = {}
            if fault.status == 429:
                message = f"You have reached your {fault.policy.lower()} limit."
                refusal |= {"message": message, "errorType": "RATE_LIMIT", "policyName": fault.policy}
            refusal["category"] = "RATE_LIMITS" if fault.status == 429 else "INTERNAL_ERROR"
            if fault.retry_after is not None:
                headers["Retry-After"] = fault.retry_after
            self._send(fault.status, refusal, headers)

        def _send(self, status: int, answer: Any, headers: Mapping[str, str], *, half: bool = False) -> None:
            content = document.spelled(answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/json;charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if half else content)
            if half:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing: a path may hold an e-mail address."""

    return Handler


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise _Refused(400, "Invalid input JSON", "VALIDATION_ERROR")
    return body


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


def _split(text: str | None) -> list[str]:
    return [part for part in (text or "").split(";") if part]


def _limit(value: Any, highest: int) -> int:
    if not str(value).isdigit() or not 1 <= int(value) <= highest:
        raise _Refused(400, f"limit must be from 1 to {highest}", "VALIDATION_ERROR")
    return int(value)


def _only_email(channel: Any) -> None:
    if channel != "EMAIL":
        raise _Refused(400, "channel must be EMAIL", "VALIDATION_ERROR")


def _order(order: Any) -> tuple[str, bool]:
    if isinstance(order, str):
        return order.removeprefix("-"), order.startswith("-")
    return order["propertyName"], order.get("direction") == "DESCENDING"


def _comparable(name: str, value: str) -> Any:
    """A property's value as a search compares it: instants by their milliseconds, ids as numbers."""
    if name in _NUMBERS:
        return int(value or 0)
    if name in _INSTANTS and value and not value.isdigit():
        return _milliseconds(datetime.fromisoformat(value))
    return int(value or 0) if name in _INSTANTS else value.casefold()


def _holds(contact: Contact, rule: Mapping[str, Any]) -> bool:
    name, operator = str(rule["propertyName"]), str(rule["operator"])
    value = contact.properties.get(name)
    if operator == "HAS_PROPERTY":
        return value is not None
    if operator == "NOT_HAS_PROPERTY":
        return value is None
    if value is None:
        return operator == "NEQ"
    mine = _comparable(name, value)
    if operator == "IN":
        return any(bool(mine == _comparable(name, one)) for one in rule["values"])
    other = _comparable(name, rule["value"])
    if operator == "BETWEEN":
        return bool(other <= mine <= _comparable(name, rule["highValue"]))
    compare: dict[str, Callable[[], Any]] = {
        "EQ": lambda: mine == other,
        "NEQ": lambda: mine != other,
        "LT": lambda: mine < other,
        "LTE": lambda: mine <= other,
        "GT": lambda: mine > other,
        "GTE": lambda: mine >= other,
    }
    if operator not in compare:
        raise _Refused(400, f"operator {operator} is unknown", "VALIDATION_ERROR")
    return bool(compare[operator]())


# The sample account


def populate(server: HubSpotServer, people: Iterable[Person], today: date) -> None:
    """Fills an account, always alike: six of ten persons, with every state that a real account holds.

    Dates count back from `today`; some consents are near the end of their 24 months.
    """
    opened = _moment(today, 1500)
    server.define_subscription(NEWSLETTER, "Nieuwsbrief", at=opened)
    server.define_subscription(EVENTS, "Evenementen", at=opened)
    server.define_subscription(PRODUCT_NEWS, "Productnieuws", at=opened)
    server.define_subscription(ONE_TO_ONE, "One to One", at=opened, internal=True)
    texts = registry.rows("consent_texts")
    known = [person for person in people if person.index % 10 in (0, 2, 3, 5, 7, 8)]
    for place, person in enumerate(known):
        _add_person(server, person, place, today, texts)


def _add_person(
    server: HubSpotServer, person: Person, place: int, today: date, texts: Sequence[Mapping[str, str]]
) -> None:
    story, turn = place % 20, place // 20
    consented_on = today - timedelta(days=20 + (place * 37) % 600)
    if story in (0, 1):
        # falls due: anchored 24 months ago and 5 to 55 days, seen from the renewal window of 60 days
        consented_on = _months_before(today, 24) + timedelta(days=5 + (place * 11) % 51)
    elif story in (8, 9):
        consented_on = today - timedelta(days=780 + (place * 13) % 300)
    subscription, purpose = ((NEWSLETTER, "newsletter"), (EVENTS, "events"), (PRODUCT_NEWS, "product_news"))[turn % 3]
    text = _text_in_force(texts, purpose, consented_on)
    if text is None:
        subscription, text = NEWSLETTER, _text_in_force(texts, "newsletter", consented_on)
    contact_id = server.add_contact(_properties_of(person), at=_at(consented_on, -1))
    at = _at(consented_on, 0, hour=9 + place % 8)

    def subscribe(legal_basis: str | None = "CONSENT_WITH_NOTICE", explanation: str | None = text) -> None:
        server.set_status(
            person.email, subscription, "SUBSCRIBED", at=at, legal_basis=legal_basis, explanation=explanation
        )

    def change(days_ago: int, **properties: str) -> None:
        server.update_contact(contact_id, properties, at=_moment(today, days_ago))

    if story <= 10 or story in (11, 14, 16, 19):
        subscribe()
    if story == 9:
        visited = _moment(today, 200 + place % 90)
        change(
            200 + place % 90, recent_conversion_date=instant_text(visited), recent_conversion_event_name="Whitepaper"
        )
    elif story == 10:
        server.set_status(person.email, subscription, "UNSUBSCRIBED", at=_moment(today, 4 + place % 11))
    elif story == 11:
        change(3 + place % 12, hs_email_optout="true")
    elif story == 12:
        change(90 + place % 30, hs_legal_basis=CONSENT_LABEL)
    elif story == 13:
        change(60 + place % 30, hs_legal_basis=LEGITIMATE_INTEREST_LABEL)
    elif story == 14:
        change(6 + place % 9, hs_email_hard_bounce_reason_enum="UNKNOWN_USER")
    elif story == 15:
        twin = {**_properties_of(person), "email": f"twin.{person.email}"}
        merged = server.add_contact(twin, at=_moment(today, 40))
        server.merge_contacts(contact_id, merged, at=_moment(today, 15))
        subscribe()
    elif story == 16:
        server.archive_contact(contact_id, at=_moment(today, 2 + place % 7))
    elif story == 17:
        subscribe(legal_basis=None, explanation=None)
    elif story == 18:
        subscribe(explanation=None)
    elif story == 19:
        replied = _moment(today, 70 + place % 20)
        change(70 + place % 20, hs_sales_email_last_replied=instant_text(replied))


def _properties_of(person: Person) -> dict[str, str]:
    return {
        "email": person.email,
        "phone": person.phone,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "company": person.company,
        "country": "Germany" if person.country == "DE" else "Netherlands",
        "hs_country_region_code": person.country,
        "address": f"Dorpsstraat {person.house_number}",
        "zip": person.postcode,
        "city": "Delft",
        "lifecyclestage": "lead",
    }


def _text_in_force(texts: Sequence[Mapping[str, str]], purpose: str, on: date) -> str | None:
    """The first registered text of our own brand for a purpose by e-mail that was in force on a day."""
    day = on.isoformat()
    for text in texts:
        fits = (
            text["state"] == "valid"
            and text["brands"] == "noord"
            and "email" in text["channels"].split("|")
            and purpose in text["purposes"].split("|")
            and text["valid_from"] <= day <= (text["valid_to"] or "9999-12-31")
        )
        if fits:
            return text["text_version"]
    return None


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28))


def _at(day: date, days: int, hour: int = 8) -> datetime:
    return datetime.combine(day + timedelta(days=days), day_time(hour), UTC)


def _moment(today: date, days_ago: int) -> datetime:
    return _at(today, -days_ago)
