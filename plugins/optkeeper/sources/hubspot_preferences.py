"""HubSpot's communication preferences v4: the subscription types, and who is subscribed to which of them.

A batch of addresses is one request, where the account may ask that way. Below HubSpot's Enterprise plans it is refused
(403), and each address is asked for by itself; a batch in which HubSpot takes offence at one address (400) is halved
until that one stands alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from optkeeper.landing import document, excerpt
from optkeeper.sources import repeated_keys
from optkeeper.sources.http import HttpClient, SourceError
from optkeeper.sources.hubspot_records import broken, is_id
from optkeeper.sources.stream import Broken, Excerpt, RawAddress, Received

SUBSCRIPTION_DEFINITIONS = "hubspot.subscription_definitions"
SUBSCRIPTION_STATUSES = "hubspot.subscription_statuses"

STATUS_BATCH = 100
STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
SCOPE = "communication_preferences.read"

_PATH = "/communication-preferences/v4"
_BATCH_PATH = f"{_PATH}/statuses/batch/read"
_ONE_PATH = f"{_PATH}/statuses/{{subscriberIdString}}"
_REFUSED_IN_A_ROW = 10  # so many addresses are not all wrong: it is the question that HubSpot refuses


class Preferences:
    """The communication preferences of one account.

    Args:
        source: the registered source, for error texts.
        http: the account's client.
    """

    def __init__(self, source: str, http: HttpClient) -> None:
        self._source = source
        self._http = http
        self._takes_batches = True
        self._refused_in_a_row = 0

    def definitions(self) -> Iterator[Received | Broken]:
        """The subscription types of the account."""
        path = f"{_PATH}/definitions"
        for number, definition in enumerate(self._results(self._get(path), path), start=1):
            where = f"item {number}"
            yield from repeated_keys.read(SUBSCRIPTION_DEFINITIONS, where, definition, _definition)

    def statuses(self, place: str, contact_of: Mapping[str, str]) -> Iterator[Received | Broken]:
        """The statuses of addresses in every subscription type.

        Args:
            place: where the addresses stood, for positions.
            contact_of: the addresses as compared (stripped, case-folded), each with the id of its contact.
        """
        asked = list(contact_of)
        for first in range(0, len(asked), STATUS_BATCH):
            yield from self._asked(place, asked[first : first + STATUS_BATCH], contact_of)

    def _asked(self, place: str, asked: Sequence[str], contact_of: Mapping[str, str]) -> Iterator[Received | Broken]:
        if self._takes_batches:
            try:
                answer = self._http.post(_BATCH_PATH, {"inputs": list(asked)}, {"channel": "EMAIL"})
            except SourceError as refusal:
                if refusal.status == 403:
                    self._takes_batches = False
                elif refusal.status != 400:
                    raise
            else:
                self._refused_in_a_row = 0
                yield from self._answered(place, answer, asked, contact_of)
                return
        if self._takes_batches and len(asked) > 1:
            half = len(asked) // 2
            yield from self._asked(place, asked[:half], contact_of)
            yield from self._asked(place, asked[half:], contact_of)
            return
        for address in asked:
            yield from self._of_one(place, address, contact_of)

    def _of_one(self, place: str, address: str, contact_of: Mapping[str, str]) -> Iterator[Received | Broken]:
        path = f"{_PATH}/statuses/{quote(address, safe='')}"
        try:
            answer = self._http.get(path, {"channel": "EMAIL"}, shown=_ONE_PATH)
        except SourceError as refusal:
            if refusal.status == 403:
                raise SourceError(f"{refusal}; the access token needs the scope {SCOPE}", 403) from None
            if refusal.status not in (400, 404):
                raise
            self._refused_in_a_row += 1
            if self._refused_in_a_row >= _REFUSED_IN_A_ROW:
                raise SourceError(
                    f"{self._source}: GET {_ONE_PATH} refused {_REFUSED_IN_A_ROW} addresses in a row", refusal.status
                ) from None
            contact = contact_of[address]
            detail = "HubSpot refuses to say what the address is subscribed to"
            where = f"{place}, contact {contact}"
            yield broken(SUBSCRIPTION_STATUSES, where, detail, {"subscriberIdString": address}, "subscriberIdString")
            return
        self._refused_in_a_row = 0
        subscriber = {"subscriberIdString": address, "statuses": self._results(answer, _ONE_PATH)}
        where = f"{place}, contact {contact_of[address]}"
        yield from repeated_keys.read(SUBSCRIPTION_STATUSES, where, subscriber, partial(_statuses, contact_of))

    def _answered(
        self, place: str, answer: Any, asked: Sequence[str], contact_of: Mapping[str, str]
    ) -> Iterator[Received | Broken]:
        """The statuses of a batch; an address that it left out is asked for by itself."""
        left_out = dict.fromkeys(asked)
        for number, subscriber in enumerate(self._results(answer, _BATCH_PATH), start=1):
            where = f"{place}, subscriber {number}"
            for item in repeated_keys.read(SUBSCRIPTION_STATUSES, where, subscriber, partial(_statuses, contact_of)):
                yield item
                for status in repeated_keys.received_of(item):
                    left_out.pop(status.payload["subscriberIdString"].strip().casefold(), None)
            if isinstance(subscriber, dict):
                left_out.pop(str(subscriber.get("subscriberIdString")).strip().casefold(), None)
        for address in left_out:
            yield from self._of_one(place, address, contact_of)

    def _get(self, path: str) -> Any:
        try:
            return self._http.get(path)
        except SourceError as refusal:
            if refusal.status != 403:
                raise
            raise SourceError(f"{refusal}; the access token needs the scope {SCOPE}", 403) from None

    def _results(self, answer: Any, path: str) -> list[Any]:
        found = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SourceError(f"{self._source}: {path} answered without a list of results")
        return found


def _definition(position: str, definition: Any) -> Received | Broken:
    if not isinstance(definition, dict) or not is_id(definition.get("id")):
        return broken(SUBSCRIPTION_DEFINITIONS, position, "the definition has no id", definition, "id")
    return Received(SUBSCRIPTION_DEFINITIONS, str(definition["id"]), definition)


def _statuses(contact_of: Mapping[str, str], position: str, subscriber: Any) -> Iterator[Received | Broken]:
    statuses = subscriber.get("statuses") if isinstance(subscriber, dict) else None
    if not isinstance(statuses, list):
        yield broken(SUBSCRIPTION_STATUSES, position, "it holds no list of statuses", subscriber, "statuses")
        return
    for number, status in enumerate(statuses, start=1):
        fault = _status_fault(status, contact_of)
        if fault is not None:
            field, detail = fault
            where = f"{position}, status {number}"
            yield broken(SUBSCRIPTION_STATUSES, where, detail, status, field, _unsubscribed(status))
            continue
        contact = contact_of[status["subscriberIdString"].strip().casefold()]
        # The contact's id and not the address: a source id outlives the erasure of personal data.
        yield Received(
            SUBSCRIPTION_STATUSES,
            f"{contact}/{status['subscriptionId']}",
            status,
            (RawAddress("email", status["subscriberIdString"]),),
        )


def _status_fault(status: Any, contact_of: Mapping[str, str]) -> tuple[str | None, str] | None:
    """What is wrong with a subscription status' shape: the field and a sentence, or None."""
    if not isinstance(status, dict):
        return None, "the status is no JSON object"
    subscriber = status.get("subscriberIdString")
    if not isinstance(subscriber, str) or subscriber.strip().casefold() not in contact_of:
        return "subscriberIdString", "the status is of nobody that was asked for"
    if not is_id(status.get("subscriptionId")):
        return "subscriptionId", "the status names no subscription"
    if status.get("status") not in STATUSES:
        return "status", "the status is none that is known"
    return None


def _unsubscribed(status: Any) -> tuple[Excerpt, ...]:
    """The opt-out that a broken status names; what it is about cannot be read, so it is from all e-mail."""
    if not isinstance(status, dict) or "unsubscribed" not in str(status.get("status")).casefold():
        return ()
    named = excerpt.broken_id(document.encode(status))
    return excerpt.of_restriction("consent_withdrawn", named, [str(status.get("subscriberIdString") or "")])
