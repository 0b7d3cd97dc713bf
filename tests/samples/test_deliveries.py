import csv
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from optkeeper import registry
from optkeeper.samples.deliveries import write_deliveries
from optkeeper.samples.people import people
from optkeeper.sources.canonical_feed import read_events
from optkeeper.sources.stream import Broken, Received

TODAY = date(2026, 11, 23)
PERSONS = list(people(600))


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deliveries")
    write_deliveries(folder, PERSONS, TODAY)
    return folder


def _events(folder: Path) -> list[dict[str, Any]]:
    with (folder / "web" / f"web-{TODAY}.jsonl").open("rb") as lines:
        return [dict(item.payload) for item in read_events(lines, "web", "web") if isinstance(item, Received)]


def _leads(folder: Path) -> list[dict[str, str]]:
    with (folder / "leadco" / f"leadco-{TODAY}.csv").open(encoding="cp1252", newline="") as lines:
        return list(csv.DictReader(lines, delimiter=";"))


def _expires_on(given: date) -> date:
    return given.replace(year=given.year + 2, day=28 if (given.month, given.day) == (2, 29) else given.day)


def _texts() -> dict[str, dict[str, str]]:
    return {row["text_version"]: row for row in registry.rows("consent_texts")}


def test_the_same_people_and_day_give_the_same_bytes(
    delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3_600)
    write_deliveries(tmp_path, PERSONS, TODAY)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert names == [
        f"leadco/leadco-{TODAY}.csv", f"listhouse/listhouse-{TODAY}.xlsx", f"web/web-{TODAY}.jsonl",
    ]  # fmt: skip
    for name in names:
        assert (tmp_path / name).read_bytes() == (delivered / name).read_bytes(), name


def test_the_feed_is_canonical_but_for_one_line(delivered: Path) -> None:
    with (delivered / "web" / f"web-{TODAY}.jsonl").open("rb") as lines:
        broken = [item for item in read_events(lines, "web", "web") if isinstance(item, Broken)]
    assert [item.reason for item in broken] == ["malformed_json"]


def test_the_feed_tells_of_consents_renewals_withdrawals_and_activity(delivered: Path) -> None:
    events = _events(delivered)
    kinds = Counter(event["type"] for event in events)
    assert {
        "consent_given", "consent_renewed", "consent_withdrawn", "objection_raised", "form_submitted", "content_downloaded",
    } == set(kinds)  # fmt: skip
    assert len({event["event_id"] for event in events}) == len(events)
    assert all(datetime.fromisoformat(event["occurred_at"]).date() < TODAY for event in events)


def _has_lost_its_text(event: dict[str, Any]) -> bool:
    return event["type"] == "consent_renewed" and "text_version" not in event["evidence"]


def test_some_who_fall_due_consented_again_by_a_record_that_has_lost_its_text(delivered: Path) -> None:
    events = _events(delivered)
    again = {event["contact"]["email"] for event in events if _has_lost_its_text(event)}
    assert again
    assert again < {event["contact"]["email"] for event in events if event["type"] == "consent_given"}


def test_every_consent_has_the_evidence_of_its_channel_under_a_text_in_force(delivered: Path) -> None:
    texts, seen = _texts(), set()
    for event in _events(delivered):
        if event["type"] not in ("consent_given", "consent_renewed") or _has_lost_its_text(event):
            continue
        text = texts[event["evidence"]["text_version"]]
        day = event["occurred_at"][:10]
        assert text["valid_from"] <= day <= (text["valid_to"] or "9999-12-31")
        assert event["evidence"]["method"]
        assert event["evidence"]["form_url"]
        seen.add(text["text_version"])
    assert seen == {"noord-news-v1", "noord-news-v2", "noord-all-v1", "noord-events-v1"}


def test_a_tenth_of_the_consents_falls_due_today_and_some_have_expired(delivered: Path) -> None:
    events = _events(delivered)
    given = [event for event in events if event["type"] == "consent_given"]
    later = {
        event["contact"]["email"]
        for event in events
        if event["type"] != "consent_given" and not _has_lost_its_text(event)
    }
    ends = {
        event["contact"]["email"]: _expires_on(datetime.fromisoformat(event["occurred_at"]).date()) for event in given
    }
    due = [email for email, end in ends.items() if TODAY <= end <= TODAY + timedelta(days=60) and email not in later]
    assert 0.08 <= len(due) / len(given) <= 0.15
    assert any(end < TODAY and email not in later for email, end in ends.items())


def test_the_leads_are_a_dutch_spreadsheet_s_export_with_some_due_today(delivered: Path) -> None:
    leads = _leads(delivered)
    assert list(leads[0]) == [
        "Leadnummer", "Voornaam", "Achternaam", "Bedrijf", "E-mailadres", "Telefoon", "Land", "Toestemming op",
        "Toestemmingstekst", "Formulier", "IP-adres", "Bedrag",
    ]  # fmt: skip
    assert {lead["Bedrag"] for lead in leads} == {"1.234,50"}
    assert {lead["Toestemmingstekst"] for lead in leads} == {"leadco-noord-v1"}
    assert any("ë" in lead["Voornaam"] for lead in leads)
    ends = [_expires_on(datetime.strptime(lead["Toestemming op"], "%d-%m-%Y %H:%M").date()) for lead in leads]
    due = [end for end in ends if TODAY <= end <= TODAY + timedelta(days=60)]
    assert 0 < len(due) < len(leads)


def test_the_list_is_a_workbook_of_records_without_consent(delivered: Path) -> None:
    rows = openpyxl.load_workbook(delivered / "listhouse" / f"listhouse-{TODAY}.xlsx").worksheets[0].values
    header, *records = rows
    assert header == (
        "Record", "Company", "First name", "Last name", "Email", "Phone", "Country", "Legal form", "Added on",
    )  # fmt: skip
    assert len(records) == 40
    assert all(None not in record for record in records)


def test_every_person_is_invented(delivered: Path) -> None:
    addresses = [event["contact"]["email"] for event in _events(delivered)]
    addresses += [lead["E-mailadres"] for lead in _leads(delivered)]
    assert all(address.endswith(".example") for address in addresses)


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2026, 1, 1), date(2026, 12, 31), date(2028, 2, 29)])
def test_any_day_of_the_calendar_can_be_written(day: date, tmp_path: Path) -> None:
    write_deliveries(tmp_path, PERSONS[:60], day)
    assert len(list(tmp_path.rglob(f"*-{day}.*"))) == 3
