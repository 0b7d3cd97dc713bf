"""Made-up happenings of people who share numbers, mailboxes and houses, are joined and parted, corrected and recalled."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

FIRST, LAST = datetime(2022, 1, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)
PEOPLE = 150
_MOST_A_DAY = 12
_FORM = {"method": "form", "form_url": "https://noord.example/aanmelden", "text_version": "noord-all-v1"}
_SALE = {"order_id": "SO-1", "product_category": "software", "opt_out_offered_at_collection": True}
_KINDS: dict[str, tuple[int, tuple[str, ...], dict[str, Any]]] = {
    "contact_upserted": (8, ("crm", "leadco", "shop", "nobody_knows"), {}),
    "consent_given": (8, ("web", "web_doi", "leadco", "crm_import"), _FORM),
    "consent_renewed": (2, ("web",), _FORM),
    "consent_confirmed": (3, ("web_doi",), {}),
    "consent_requested": (1, ("esp",), {}),
    "sale_completed": (3, ("shop",), _SALE),
    "notice_given": (2, ("crm",), {"notice_version": "N-3"}),
    "link_clicked": (6, ("esp",), {}),
    "visit": (1, ("crm",), {}),
    "email_delivered": (12, ("esp", "esp", "esp", "nobody_knows"), {}),
    "email_opened": (6, ("esp",), {}),
    "consent_withdrawn": (2, ("esp", "service"), {}),
    "objection_raised": (1, ("service",), {}),
    "spam_complaint": (1, ("esp",), {}),
    "email_bounced": (2, ("esp",), {}),
    "erasure_requested": (1, ("service",), {}),
    "contact_left_company": (1, ("crm",), {}),
    "contacts_merged": (3, ("crm",), {}),
    "contacts_unmerged": (2, ("crm",), {}),
    "consent_revoked": (2, ("leadco",), {}),
}


def happenings(count: int, drawn: random.Random) -> list[Event]:
    """So many events, each known when its turn in the list comes; some come again as another version."""
    told: list[Event] = []
    for number in range(count):
        told.append(_again(drawn.choice(told), drawn) if told and drawn.random() < 0.12 else _new(number, drawn))
    return told


def _new(number: int, drawn: random.Random) -> Event:
    (kind,) = drawn.choices(list(_KINDS), [weight for weight, _, _ in _KINDS.values()])
    _, sources, evidence = _KINDS[kind]
    event: Event = {
        "event_id": f"e{number}", "source": drawn.choice(sources), "type": kind, "evidence": evidence,
        "contact": _contact(drawn),
        "occurred_at": (FIRST + (LAST - FIRST) * drawn.random()).isoformat(),
    }  # fmt: skip
    if (
        kind in ("email_delivered", "email_opened") and drawn.random() < 0.8
    ):  # as the platform tells it, each time alike
        person = drawn.randrange(PEOPLE // 10)
        event["contact"] = {"source_contact_id": f"c{person}", "email": f"p{person}@noord.example"}
        if person % 5 == 0:
            event["contact"] = {"email": "geen@noord.example"}
    if event["source"] == "leadco":
        event["batch"] = f"B-{drawn.randrange(6)}"
    if kind == "email_bounced":
        event["bounce"] = drawn.choice(["hard", "hard", "soft"])
    if kind == "link_clicked":
        event |= {"link": f"https://noord.example/{drawn.randrange(4)}", "message_id": f"m{drawn.randrange(20)}"}
    if kind in ("contacts_merged", "contacts_unmerged"):
        event["refers_to"] = {"source": "crm", "source_contact_id": f"c{drawn.randrange(PEOPLE)}"}
    if kind == "consent_revoked":
        event["refers_to"] = _recalled(number, drawn)
    if drawn.random() < 0.2:
        event |= {"channel": drawn.choice(["email", "phone"]), "purpose": drawn.choice(["newsletter", "product_news"])}
    if drawn.random() < 0.03:
        del event["occurred_at"]
    return event


def _recalled(number: int, drawn: random.Random) -> dict[str, str]:
    """A batch, or one of so many events."""
    if drawn.random() < 0.5:
        return {"batch": f"B-{drawn.randrange(6)}"}
    return {"event_id": f"e{drawn.randrange(number + 1)}"}


def _contact(drawn: random.Random) -> dict[str, Any]:
    person = drawn.randrange(PEOPLE)
    named = {
        "source_contact_id": f"c{person}" if drawn.random() < 0.98 else "0",  # an id that is none
        "email": drawn.choices(
            [
                f"p{person}@noord.example", f"p{person}+x@noord.example", f"info@c{person // 8}.example",
                "geen@noord.example", f"p{person}@noord.example; p{person - 1}@noord.example",
            ],
            [40, 4, 2, 1, 1],
        )[0],
        "phone": f"+3161000{person // 3:04d}",
        "last_name": f"Name{person}",
        "country": drawn.choice(["NL", "NL", "BE", "DE"]),
        "recipient_form": drawn.choice(["legal_entity", "natural_person", "sole_trader"]),
        "birth_date": drawn.choice(["1980-02-03", "2012-05-06"]),
        "postal": {"country": "NL", "postcode": "1234AB", "house_number": str(person // 5)},
    }  # fmt: skip
    kept = {"email": 0.85, "source_contact_id": 0.6, "phone": 0.4, "last_name": 0.7, "country": 0.5,
            "recipient_form": 0.3, "birth_date": 0.1, "postal": 0.15}  # fmt: skip
    chosen = {field: value for field, value in named.items() if drawn.random() < kept[field]}
    return chosen or {"email": named["email"]}


def _again(event: Event, drawn: random.Random) -> Event:
    """Another version of an event: of somebody else, at another moment, or as it was."""
    change = drawn.random()
    if event["type"] == "consent_revoked":
        return event | {"refers_to": _recalled(500, drawn)}
    if change < 0.4:
        return event | {"contact": _contact(drawn)}
    if change < 0.8:
        return event | {"occurred_at": (FIRST + (LAST - FIRST) * drawn.random()).isoformat()}
    return event


def portions(events: list[Event], count: int, drawn: random.Random) -> Iterator[list[Event]]:
    """The events in their order, in so many portions: nearly all in the first, then days of a few, or of none."""
    sizes = [drawn.randrange(_MOST_A_DAY) for _ in range(count - 1)]
    first = len(events) - sum(sizes)
    yield events[:first]
    for size in sizes:
        yield events[first : first + size]
        first += size


def days(count: int, drawn: random.Random) -> list[datetime]:
    """So many business moments, each after the one before, between two dates of the registries."""
    first, last = datetime(2025, 7, 3, tzinfo=UTC), datetime(2025, 11, 10, tzinfo=UTC)
    return sorted(first + timedelta(seconds=drawn.randrange(int((last - first).total_seconds()))) for _ in range(count))
