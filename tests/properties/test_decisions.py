"""R8-R10, R23, R24: what holds of every decision, whatever happened to the person, in whatever order it became known.

Each history is a person of its own, so that one build answers for all histories of an example.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from tests.road.road import Road, road

BEGIN, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
KNOWN_AT = END + timedelta(days=30)
# one record of the person is known by another id and address, until a merge says so
OTHER = "{p}.anders"
POINTS = {"email": "{p}@noord.example", "phone": "+3161{n:07d}"}
SCOPES = [("email", "newsletter"), ("email", "product_news"), ("phone", "product_news")]
SALE = {"order_id": "SO-1", "product_category": "software", "opt_out_offered_at_collection": True}
FORM = {"method": "form", "form_url": "https://noord.example/aanmelden"}
PERMITS = {
    "consent_given": ("web", FORM | {"text_version": "noord-all-v1"}),
    "consent_renewed": ("web", FORM | {"text_version": "noord-all-v1"}),
    "sale_completed": ("shop", SALE),
    "contact_upserted": ("crm", {}),
    "notice_given": ("crm", {"notice_version": "N-3"}),
    "visit": ("crm", {}),
}
# a vendor's grant is nobody's own, and a merge takes the most restrictive of both (R14, R35)
BY_OTHERS = {
    "vendor_grant": ("consent_given", "leadco", FORM | {"text_version": "leadco-noord-v1"}),
    "grant_of_other": ("consent_given", "crm", FORM | {"text_version": "noord-all-v1"}),
    "withdrawal_of_other": ("consent_withdrawn", "crm", {}),
    "merged": ("contacts_merged", "crm", {}),
    "unmerged": ("contacts_unmerged", "crm", {}),
}
RESTRICTS = (
    "consent_withdrawn", "objection_raised", "consent_refused", "spam_complaint", "erasure_requested", "contact_deceased",
    "contact_left_company",
)  # fmt: skip


@dataclass(frozen=True)
class Happened:
    """One thing that happened to a person, so many hours after the beginning, in a scope where it is a restriction."""

    kind: str
    hours: int
    channel: str | None = None
    purpose: str | None = None


HOURS = st.integers(0, int((END - BEGIN).total_seconds() // 3600))
RESTRICTION = st.builds(
    Happened,
    st.sampled_from(RESTRICTS),
    HOURS,
    st.sampled_from([None, "email", "phone"]),
    st.sampled_from([None, "newsletter", "product_news"]),
)
PERMISSION = st.builds(Happened, st.sampled_from(sorted(PERMITS)), HOURS)
BY_ANOTHER = st.builds(Happened, st.sampled_from(sorted(BY_OTHERS)), HOURS)
HISTORY = st.tuples(
    st.lists(st.one_of(PERMISSION, PERMISSION, RESTRICTION, BY_ANOTHER), min_size=2, max_size=7), RESTRICTION, HOURS
)


def _moment(hours: int) -> str:
    return (BEGIN + timedelta(hours=hours)).isoformat()


def _event(person: str, number: int, index: int, what: Happened, received: datetime) -> dict[str, Any]:
    kind, (source, evidence) = what.kind, PERMITS.get(what.kind, ("service", {}))
    contact = {
        "source_contact_id": person, "email": POINTS["email"].format(p=person),
        "phone": POINTS["phone"].format(n=number), "country": "NL", "recipient_form": "legal_entity",
    }  # fmt: skip
    if what.kind in BY_OTHERS:
        kind, source, evidence = BY_OTHERS[what.kind]
    other = OTHER.format(p=person)
    if what.kind.endswith("_of_other"):
        contact |= {"source_contact_id": other, "email": POINTS["email"].format(p=other), "phone": "+31209999999"}
    told = {
        "event_id": f"{person}-{index}", "source": source, "type": kind, "occurred_at": _moment(what.hours),
        "received_at": received.isoformat(), "evidence": evidence, "contact": contact,
    }  # fmt: skip
    if what.kind in ("merged", "unmerged"):
        told["refers_to"] = {"source": "crm", "source_contact_id": other}
    scope = {"channel": what.channel, "purpose": what.purpose}
    return told | ({key: value for key, value in scope.items() if value} if what.kind in RESTRICTS else {})


def _events(person: str, number: int, history: Sequence[Happened], order: random.Random) -> Iterator[dict[str, Any]]:
    """The person's events, each known some time after all of it happened, in an order of its own."""
    receipts = list(range(len(history)))
    order.shuffle(receipts)
    for index, (what, place) in enumerate(zip(history, receipts, strict=True)):
        yield _event(person, number, index, what, END + timedelta(days=1, hours=place))


def _questions(person: str, number: int, as_of: str) -> Iterator[dict[str, Any]]:
    for channel, purpose in SCOPES:
        yield {
            "id": f"{person}/{channel}/{purpose}", "channel": channel, "purpose": purpose, "brand": "noord", "as_of": as_of,
            "known_at": KNOWN_AT.isoformat(), "address": POINTS[channel].format(p=person, n=number),
        }  # fmt: skip


def _said(answer: Mapping[str, Any], person: str) -> tuple[Any, ...]:
    evidence = (answer["evidence_id"] or "").replace(person, "")
    return answer["marketable"], answer["basis"], answer["status"], answer["reason"], answer["expires_on"], evidence


def _variants(histories: Sequence[Any]) -> Iterator[tuple[str, int, list[Happened], int]]:
    """Each history thrice: as it is, known in another order, and with a restriction more."""
    for number, (history, restriction, asked) in enumerate(histories):
        yield f"a{number}", 3 * number, list(history), asked
        yield f"b{number}", 3 * number + 1, list(history), asked
        yield f"c{number}", 3 * number + 2, [*history, restriction], asked


def _timeline_says(built: Road, question: Mapping[str, Any]) -> tuple[str, str] | None:
    with built.connected() as connection:
        row = connection.execute(
            "select timeline.basis, timeline.evidence_id from candidate.consent_timeline as timeline"
            " join registry.bases using (basis)"
            " where address = %(address)s and channel = %(channel)s and purpose = %(purpose)s and brand = %(brand)s"
            " and reason = 'ok' and valid_from <= %(as_of)s and (valid_to is null or valid_to > %(as_of)s)"
            " order by basis_rank limit 1",
            question,
        ).fetchone()
    return None if row is None else (row[0], row[1])


@given(histories=st.lists(HISTORY, min_size=40, max_size=40), seed=st.integers(0, 2**16))
@settings(
    max_examples=1, deadline=None, derandomize=True, phases=(Phase.generate,), database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_what_holds_of_every_decision(histories: list[Any], seed: int) -> None:
    # of the simplest examples nothing is learned, and each costs a build
    assume(len({what.kind for history, _, _ in histories for what in history}) > 8)
    order = random.Random(seed)
    variants = list(_variants(histories))
    events = [
        told
        for person, number, history, _ in variants
        for told in _events(person, number, history, order)
        for _ in range(1 + (person[0] == "b"))  # a redelivery changes nothing
    ]
    order.shuffle(events)
    questions = [
        question for person, number, _, asked in variants for question in _questions(person, number, _moment(asked))
    ]
    with pytest.MonkeyPatch.context() as patch, road(patch) as built:
        built.events(events)
        answers = built.ask(questions)
        built.build("+consent_timeline")
        for question in questions:
            answer = answers[question["id"]]
            said = _timeline_says(built, question)
            wanted = (answer["basis"], answer["evidence_id"]) if answer["marketable"] else None
            assert said == wanted, f"the timeline does not say what {question['id']} was answered"
    known = {f"{told['source']}/{told['event_id']}" for told in events}
    for number, (history, _, asked) in enumerate(histories):
        for channel, purpose in SCOPES:
            plain, reordered, restricted = (answers[f"{v}{number}/{channel}/{purpose}"] for v in "abc")
            event(f"{plain['basis'] or plain['status']}")
            assert _said(plain, f"a{number}") == _said(reordered, f"b{number}")
            assert plain["marketable"] or not restricted["marketable"]
            assert not plain["marketable"] or (plain["basis"] and plain["evidence_id"] in known)
            if _objected_for_good(history, asked):
                assert not plain["marketable"]


def _objected_for_good(history: Sequence[Happened], asked: int) -> bool:
    """Whether an unscoped objection came before the moment, and no consent of the person's own after it."""
    objections = [
        what.hours
        for what in history
        if what.kind == "objection_raised" and not what.channel and not what.purpose and what.hours <= asked
    ]
    return bool(objections) and not any(
        what.kind in ("consent_given", "consent_renewed") and max(objections) < what.hours <= asked for what in history
    )
