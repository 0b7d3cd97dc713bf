"""R14, R34, R41: what a stated country decides, however it is spelled, and what one that cannot be read does."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.road.road import Road, road
from tests.road.test_restrictions_survive import GRANTED, LEFT, _grant

OTHER_NUMBER = {"channel": "phone", "purpose": "product_news"}


def _record(name: str, number: int, day: str, **contact: str) -> dict[str, Any]:
    at = f"{day}T10:00:00+01:00"
    return {
        "event_id": f"u-{name}-{number}", "source": "web", "type": "contact_upserted", "occurred_at": at, "received_at": at,
        "contact": {"email": f"{name}@noord.example"} | contact,
    }  # fmt: skip


def _objection(name: str, **contact: str) -> dict[str, Any]:
    return {
        "event_id": f"o-{name}", "source": "web", "type": "objection_raised", "occurred_at": LEFT, "received_at": LEFT,
        "contact": contact,
    }  # fmt: skip


EVENTS = [
    _grant("dutch", country="The Netherlands"),
    _grant("german", country="Allemagne"),
    _grant("unreadable", country="Atlantis"),
    _grant("nothing", country="n.v.t."),
    # the consent names none: the contact's country decides, the newest that states one
    _grant("moved"), _record("moved", 1, "2025-01-02", country="NL"), _record("moved", 2, "2025-02-02", country="Duitsland"),
    _grant("dash"), _record("dash", 1, "2025-01-02", country="Duitsland"), _record("dash", 2, "2025-02-02", country="-"),
    _grant("lost"), _record("lost", 1, "2025-01-02", country="NL"), _record("lost", 2, "2025-02-02", country="Atlantis"),
    _grant("back"), _record("back", 1, "2025-01-02", country="Atlantis"), _record("back", 2, "2025-02-02", country="NL"),
    # telephone numbers
    _grant("belgian", phone="0470 12 34 57", country="Belgique"),
    _grant("national", phone="06 12345611", country="Atlantis"),
    _grant("objected", phone="+31612345612"),
    _objection("objected", phone="06 12345612", country="Atlantis"),
    _grant("tel", phone="+31612345613"),
]  # fmt: skip
EMAILS = {
    "dutch": True, "german": False, "unreadable": False, "nothing": True, "moved": False, "dash": False, "lost": False,
    "back": True,
}  # fmt: skip
PHONES = {
    "+32470123457": True,
    "+31612345611": False,
    "+31612345612": False,
    "+31612345613": True,
    "+31470123457": False,
}


@pytest.fixture(scope="module")
def travelled() -> Iterator[Road]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as one:
        one.events(EVENTS)
        yield one


@pytest.fixture(scope="module")
def answers(travelled: Road) -> dict[str, dict[str, Any]]:
    moment = {"as_of": "2025-04-01T12:00:00+02:00"}
    asked = [{"id": name, "address": f"{name}@noord.example"} | moment for name in EMAILS]
    return travelled.ask([*asked, *({"id": number, "address": number} | OTHER_NUMBER | moment for number in PHONES)])


@pytest.mark.parametrize(("asked", "is_marketable"), [*EMAILS.items(), *PHONES.items()])
def test_the_country_decides(asked: str, is_marketable: bool, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[asked]["marketable"] is is_marketable, answers[asked]


def test_a_country_that_asks_for_a_confirmation_lets_the_grant_lapse(answers: dict[str, dict[str, Any]]) -> None:
    reasons = {answers[name]["reason"] for name in ("german", "unreadable", "moved", "dash", "lost")}
    assert reasons == {"confirmation_lapsed"}


def test_a_national_number_of_an_unreadable_country_is_told(travelled: Road) -> None:
    told = [(position, reason, field) for _, position, reason, field in travelled.quarantined()]
    assert ("grant-national", "unreadable_address", "phone") in told


def test_grants_of_the_test_are_old_enough_to_have_lapsed() -> None:
    assert GRANTED < "2025-03"
