"""Invented deliveries: a web shop's feed and two lead vendors' files, with believable faults."""

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from optkeeper.samples.people import Person

_FORM = "https://noord.example/aanmelden"
_HEADER = (
    "Leadnummer", "Voornaam", "Achternaam", "Bedrijf", "E-mailadres", "Telefoon", "Land", "Toestemming op",
    "Toestemmingstekst", "Formulier", "IP-adres", "Bedrag",
)  # fmt: skip
_LIST_HEADER = ("Record", "Company", "First name", "Last name", "Email", "Phone", "Country", "Legal form", "Added on")


def write_deliveries(folder: Path, people: Sequence[Person], today: date) -> None:
    """Writes the feed and the deliveries of a day; the same people and day give the same files."""
    for name in ("web", "leadco", "listhouse"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_feed(folder / "web" / f"web-{today}.jsonl", people, today)
    _write_leads(folder / "leadco" / f"leadco-{today}.csv", people, today)
    _write_list(folder / "listhouse" / f"listhouse-{today}.xlsx", people, today)


def _two_years_before(today: date, days_left: int) -> date:
    """A day whose permission ends so many days after today."""
    end = today + timedelta(days=days_left)
    return end.replace(year=end.year - 2, day=min(end.day, 28))


def _text_version(person: Person, day: date) -> str:
    """The text that a person saw on a day: of all channels, of events, or of the newsletter as it then read."""
    turn = person.index // 3 % 10
    if turn == 4:
        return "noord-all-v1"
    if turn == 9 or (turn == 0 and person.index // 30 % 3 == 2):
        return "noord-events-v1"
    return "noord-news-v1" if day < date(2025, 1, 1) else "noord-news-v2"


def _write_feed(path: Path, people: Sequence[Person], today: date) -> None:
    with path.open("w", encoding="utf-8") as feed:
        for number, event in enumerate(_events(people, today)):
            feed.write(json.dumps(event, ensure_ascii=False) + "\n")
            if number == 40:
                feed.write('{"event_id": "web-broken", "source": "web", "type": "consent_gi\n')


def _events(people: Sequence[Person], today: date) -> Iterator[dict[str, Any]]:
    for person in people:
        if person.index % 3:
            continue
        turn = person.index // 3 % 10
        given = {
            0: _two_years_before(today, 5 + person.index % 50),  # falls due
            1: today - timedelta(days=900 + person.index % 100),  # has expired
            2: today - timedelta(days=800),  # is kept alive by activity
        }.get(turn, today - timedelta(days=30 + person.index % 500))
        contact: dict[str, Any] = {
            "email": person.email, "first_name": person.first_name, "last_name": person.last_name,
            "company": person.company, "country": person.country,
        }  # fmt: skip
        if turn == 4:
            postal = {
                "country": person.country, "postcode": person.postcode, "house_number": person.house_number,
                "street": "Dorpsstraat", "city": "Delft",
            }  # fmt: skip
            contact |= {"phone": person.phone, "postal": postal}

        def event(
            kind: str, day: date, contact: dict[str, Any] = contact, person: Person = person, **more: Any
        ) -> dict[str, Any]:
            moment = datetime.combine(day, time(9 + person.index % 8, person.index % 60))
            name = f"web-{person.index}-{kind}"
            said = {"event_id": name, "source": "web", "type": kind, "occurred_at": moment.isoformat()}
            return {**said, "contact": contact, **more}

        evidence = {
            "method": "form", "form_url": _FORM, "ip": f"192.0.2.{person.index % 250}",
            "text_version": _text_version(person, given),
        }  # fmt: skip
        yield event("consent_given", given, evidence=evidence)
        if turn == 0 and person.index // 30 % 3 == 1:  # consented again on paper that nobody has filed
            yield event("consent_renewed", today - timedelta(days=200), evidence={"method": "form", "form_url": _FORM})
        if turn == 2:
            yield event("content_downloaded", today - timedelta(days=100 + person.index % 60))
        if turn == 3:
            yield event("form_submitted", today - timedelta(days=10 + person.index % 20))
        if turn == 5:
            yield event("consent_withdrawn", today - timedelta(days=3), channel="email", purpose="newsletter")
        if turn == 6 and person.index % 4 == 0:
            yield event("objection_raised", today - timedelta(days=8))
        if turn == 7:
            renewal = {**evidence, "text_version": _text_version(person, today - timedelta(days=12))}
            yield event("consent_renewed", today - timedelta(days=12), evidence=renewal)


def _write_leads(path: Path, people: Sequence[Person], today: date) -> None:
    with path.open("w", encoding="cp1252", newline="") as leads:
        rows = csv.writer(leads, delimiter=";")
        rows.writerow(_HEADER)
        for person in people:
            if person.index % 10 != 3:
                continue
            given = (
                _two_years_before(today, 8 + person.index % 40) if person.index % 4 == 1 else today - timedelta(days=90)
            )
            moment = datetime.combine(given, time(14, person.index % 60))
            rows.writerow(
                (f"L-{person.index:05}", person.first_name, person.last_name, person.company, person.email,
                 person.phone, person.country, f"{moment:%d-%m-%Y %H:%M}", "leadco-noord-v1", "https://leadco.example/noord",
                 f"198.51.100.{person.index % 250}", "1.234,50")
            )  # fmt: skip


def _write_list(path: Path, people: Sequence[Person], today: date) -> None:
    # Its own dates are the delivery's, so that the same delivery has the same bytes.
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": datetime.combine(today, time(6))})
        sheet = book.add_worksheet()
        sheet.write_row("A1", _LIST_HEADER)
        listed = [person for person in people if person.index % 15 == 7]
        for place, person in enumerate(listed, start=1):
            sheet.write_row(
                place, 0,
                (f"LH{person.index}", person.company, person.first_name, person.last_name, person.email, person.phone,
                 person.country, "BV", today - timedelta(days=20)),
            )  # fmt: skip
