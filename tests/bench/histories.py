"""Made-up histories of contacts: skewed, over six years, from several sources each, the same at every run.

A contact has one canonical event for each thing that happened: about fifteen on average, most of them mails that were
delivered and opened. Some consent by form, some by a vendor, some bought; some withdraw, object, bounce, are recalled,
are recorded twice or are joined. Nobody in it exists: names and domains are made up.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2020, 9, 1, 8, tzinfo=UTC)
LAST = datetime(2026, 9, 1, 8, tzinfo=UTC)
_SPAN = int((LAST - FIRST).total_seconds())
_NEW_TEXT = datetime(2025, 1, 1, tzinfo=UTC)  # from when on the second newsletter text was shown
_VENDOR_FROM = datetime(2023, 2, 1, tzinfo=UTC)
_MOST_MAILS = 2_000
_BATCH = 500  # contacts of one vendor delivery
_RECALLED_BATCH = 37  # each so-manieth delivery was taken back

Event = dict[str, Any]


@dataclass(slots=True)
class _Contact:
    number: int
    random: random.Random
    events: list[Event]

    @property
    def email(self) -> str:
        return f"person{self.number}@company{self.number // 4}.example"

    def happened(self, kind: str, source: str, at: datetime, **more: Any) -> None:
        contact = {"email": self.email} | more.pop("contact", {})
        self.events.append(
            {
                "event_id": f"{kind}-{self.number}-{len(self.events)}",
                "source": source,
                "type": kind,
                "occurred_at": at.isoformat(),
                "received_at": (at + timedelta(minutes=1)).isoformat(),
                "contact": contact,
                **more,
            }
        )

    def moment(self, first: datetime = FIRST) -> datetime:
        return first + timedelta(seconds=self.random.randrange(int((LAST - first).total_seconds())))

    def chance(self, share: float) -> bool:
        return self.random.random() < share


def histories(contacts: int, seed: int = 1) -> Iterator[Event]:
    """All events of so many contacts, contact by contact."""
    for number in range(contacts):
        contact = _Contact(number, random.Random(f"{seed}/{number}"), [])  # noqa: S311  # made up, and the same each time
        _live(contact)
        yield from contact.events
    for batch in range(0, contacts // _BATCH + 1, _RECALLED_BATCH):
        yield {
            "event_id": f"recall-{batch}", "source": "leadco", "type": "consent_revoked",
            "occurred_at": LAST.isoformat(), "received_at": LAST.isoformat(), "refers_to": {"batch": f"L-{batch}"},
        }  # fmt: skip


def a_day_later(contacts: int, share: float = 0.01, seed: int = 2) -> Iterator[Event]:
    """What the day after brings: a click, a withdrawal or a new consent of some of the contacts, and new ones."""
    drawn = random.Random(seed)  # noqa: S311  # made up, and the same each time
    for number in sorted(drawn.sample(range(contacts), max(1, int(contacts * share)))):
        contact = _Contact(number, drawn, [])
        at = LAST + timedelta(hours=1 + drawn.random() * 20)
        what = drawn.random()
        if what < 0.85:  # noqa: PLR2004  # the share of clicks
            contact.happened("link_clicked", "esp", at, link="https://noord.example/a", seconds_since_delivery=3600)
        elif what < 0.95:  # noqa: PLR2004  # of withdrawals
            contact.happened("consent_withdrawn", "esp", at, channel="email")
        else:
            _consent(contact, "web", at)
        for event in contact.events:
            event["event_id"] += "-later"
        yield from contact.events


def _live(contact: _Contact) -> None:
    began = contact.moment()
    named = {
        "source_contact_id": f"c{contact.number}",
        "first_name": f"F{contact.number}",
        "last_name": f"L{contact.number}",
    }
    details = {"company": f"Company {contact.number // 4}", "country": "NL", "phone": f"+316{contact.number:08d}"}
    contact.happened("contact_upserted", "crm", began, contact=named | details)
    if contact.chance(0.05):
        contact.happened(
            "contact_upserted",
            "crm",
            contact.moment(began),
            contact=named | {"source_contact_id": f"d{contact.number}"},
        )
    if contact.chance(0.01):
        other = {"source": "crm", "source_contact_id": f"c{max(contact.number - 1, 0)}"}
        contact.happened(
            "contacts_merged",
            "crm",
            contact.moment(began),
            contact={"source_contact_id": named["source_contact_id"]},
            refers_to=other,
        )
    if contact.chance(0.6):
        _consent(contact, "web", began)
    if contact.chance(0.1):
        _consent(contact, "web_doi", began)
        if contact.chance(0.8):
            contact.happened("consent_confirmed", "web_doi", began + timedelta(hours=3))
    if contact.chance(0.15):
        at = contact.moment(max(began, _VENDOR_FROM))
        evidence = {"method": "form", "form_url": "https://leadco.example/f", "text_version": "leadco-noord-v1"}
        contact.happened("consent_given", "leadco", at, batch=f"L-{contact.number // _BATCH}", evidence=evidence)
    if contact.chance(0.15):
        evidence = {
            "order_id": f"O-{contact.number}",
            "product_category": "software",
            "opt_out_offered_at_collection": True,
        }
        contact.happened("sale_completed", "shop", contact.moment(began), evidence=evidence)
    _mails(contact, began)
    for kind, source, share in (
        ("consent_withdrawn", "esp", 0.08), ("objection_raised", "service", 0.01), ("spam_complaint", "esp", 0.003),
    ):  # fmt: skip
        if contact.chance(share):
            contact.happened(kind, source, contact.moment(began), channel="email")
    if contact.chance(0.02):
        contact.happened("email_bounced", "esp", contact.moment(began), bounce="hard")


def _consent(contact: _Contact, source: str, at: datetime) -> None:
    text = "noord-news-v2" if at >= _NEW_TEXT else "noord-news-v1"
    evidence = {
        "method": "form",
        "form_url": "https://noord.example/aanmelden",
        "text_version": text,
        "ip": "192.0.2.7",
    }
    contact.happened("consent_given", source, at, evidence=evidence)


def _mails(contact: _Contact, began: datetime) -> None:
    """Mails that were delivered, opened and clicked: few for most, very many for some."""
    for _ in range(min(int(contact.random.paretovariate(1.15) * 1.9), _MOST_MAILS)):
        at = contact.moment(began)
        contact.happened("email_delivered", "esp", at)
        if contact.chance(0.3):
            contact.happened("email_opened", "esp", at + timedelta(hours=2))
        if contact.chance(0.08):
            more = {"link": "https://noord.example/a", "seconds_since_delivery": 7_300}
            contact.happened("link_clicked", "esp", at + timedelta(hours=2, minutes=1), **more)
