"""R27, R9: a restriction survives whatever its record suffers, on the whole road."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from optkeeper.sources.stream import Received

from tests.road.road import Road, road

GRANTED, LEFT = "2025-01-10T10:00:00+01:00", "2025-03-01T10:00:00+01:00"
EVIDENCE = {"method": "form", "form_url": "https://noord.example/aanmelden", "text_version": "noord-all-v1"}


def _grant(name: str, **contact: str) -> dict[str, Any]:
    carried = {"email": f"{name}@noord.example"} | contact
    return {
        "event_id": f"grant-{name}", "source": "web", "type": "consent_given", "occurred_at": GRANTED,
        "received_at": GRANTED, "contact": carried, "evidence": EVIDENCE,
    }  # fmt: skip


def _line(name: str, **fields: Any) -> bytes:
    event = {
        "event_id": f"w-{name}", "source": "esp", "type": "consent_withdrawn", "occurred_at": LEFT, "received_at": LEFT,
        "contact": {"email": f"{name}@noord.example"},
    }  # fmt: skip
    return json.dumps({key: value for key, value in (event | fields).items() if value != "ABSENT"}).encode()


def _raw(name: str, text: str) -> bytes:
    return text.replace("{a}", f"{name}@noord.example").replace("{at}", LEFT).encode()


# what arrives, by the name of the person who withdraws in it
LINES = {
    "midnight": _line("midnight", occurred_at="2025-03-01T24:00:00Z"),
    "dutch-date": _line("dutch-date", occurred_at="20-11-2026 12:00"),
    "number-as-ip": _line("number-as-ip", evidence={"ip": 16909060}),
    "nul": _line("nul", evidence={"method": "a\x00b"}),
    "nul-in-address": _line("nul-in-address", contact={"email": "nul-in-address@noord.example\x00"}),
    "type-by-another-name": _line("type-by-another-name", type="ABSENT", event_type="consent_withdrawn"),
    "type-in-capitals": _line("type-in-capitals", type="Consent Withdrawn"),
    "objection": _line("objection", type="objection_raised", occurred_at=1740819600),
    "complaint": _line("complaint", type="spam_complaint", message_id=7),
    "bounce": _line("bounce", type="email_bounced", bounce=True),
    "bounce-in-capitals": _line("bounce-in-capitals", type="email_bounced", bounce="HARD"),
    "bounce-of-another-word": _line("bounce-of-another-word", type="email_bounced", bounce="permanent"),
    "list-of-addresses": _line("list-of-addresses", contact={"emails": ["list-of-addresses@noord.example"]}),
    "keys-in-capitals": _raw("keys-in-capitals", '{"EventId":"kc","Source":"esp","Type":"consent_withdrawn","received_at":"{at}",'
                             '"Contact":{"Email":"{a}"}}'),
    "address-outside": _line("address-outside", contact={}, e_mail="address-outside@noord.example"),
    "deceased": _line("deceased", type="contact_deceased", contact={"email": "deceased@noord.example", "last_name": 1}),
    "left": _line("left", type="contact_left_company", occurred_at=[]),
    "erased": _line("erased", type="erasure_requested", contact={"email": ["erased@noord.example"]}),
    "no-id": _line("no-id", event_id="ABSENT"),
    "empty-id": _line("empty-id", event_id=""),
    "long-id": _line("long-id", event_id="x" * 2700),
    "control-in-id": _line("control-in-id", event_id="a\x1fb"),
    "contact-as-text": _line("contact-as-text", contact="contact-as-text@noord.example"),
    "contact-as-list": _line("contact-as-list", contact=[{"email": "contact-as-list@noord.example"}]),
    "address-at-the-top": _line("address-at-the-top", contact=7, email="address-at-the-top@noord.example"),
    "scope-as-list": _line("scope-as-list", purpose=["newsletter", "events"]),
    "scope-as-number": _line("scope-as-number", channel=1, brand={}),
    "unknown-scope": _line("unknown-scope", channel="e-mail", purpose="nieuwsbrief", brand="Noord"),
    "receipt": _line("receipt", received_at="2025-03-01 10"),
    "activity-detail": _line("activity-detail", seconds_since_delivery={"a": 1}),
    "twice-the-key": _raw("twice-the-key", '{"event_id":"tk","source":"esp","type":"consent_given","type":"consent_withdrawn",'
                          '"occurred_at":"{at}","received_at":"{at}","contact":{"email":"{a}"}}'),
    "twice-the-address": _raw("twice-the-address", '{"event_id":"ta","source":"esp","type":"consent_withdrawn","occurred_at":"{at}",'
                              '"received_at":"{at}","contact":{"email":"{a}","email":"other@noord.example"}}'),
    "cut-off": _raw("cut-off", '{"event_id":"co","source":"esp","type":"consent_withdrawn","received_at":"{at}","contact":{"email":"{a}"'),
    "cut-in-value": _raw("cut-in-value", '{"event_id":"cv","type":"consent_withdrawn","received_at":"{at}","contact":{"email":"{a}'),
    "trailing-comma": _raw("trailing-comma", '{"event_id":"tc","type":"consent_withdrawn","received_at":"{at}","contact":{"email":"{a}",},}'),
    "single-quotes": _raw("single-quotes", "{'event_id':'sq','type':'consent_withdrawn','received_at':'{at}','contact':{'email':'{a}'}}"),
    "not-a-number": _raw("not-a-number", '{"event_id":"nn","type":"consent_withdrawn","received_at":"{at}","x":NaN,"contact":{"email":"{a}"}}'),
    "long-number": _raw("long-number", '{"event_id":"ln","type":"consent_withdrawn","received_at":"{at}","x":' + "9" * 17_000
                        + ',"contact":{"email":"{a}"}}'),
    "great-number": _raw("great-number", '{"event_id":"gn","source":"esp","type":"consent_withdrawn","received_at":"{at}","x":1e99999,"contact":{"email":"{a}"}}'),
    "deep": _raw("deep", '{"event_id":"dp","source":"esp","type":"consent_withdrawn","received_at":"{at}","x":' + "[" * 200 + "]" * 200
                 + ',"contact":{"email":"{a}"}}'),
    "very-deep": _raw("very-deep", '{"event_id":"vd","type":"consent_withdrawn","received_at":"{at}","contact":{"email":"{a}"},"x":'
                      + "[" * 90_000 + "]" * 90_000 + "}"),
    "latin": _raw("latin", '{"event_id":"lt","source":"esp","type":"consent_withdrawn","received_at":"{at}","contact":{"email":"{a}","first_name":"Zo')
    + b"\xeb" + b'"}}',
    "several": _line("several", contact={"email": "several@noord.example; several-too@noord.example"}),
    "several-in-lines": _line("several-in-lines", contact={"email": "oud@noord.example\nseveral-in-lines@noord.example"}),
    "address-among-words": _line("address-among-words", contact={"email": "mail: address-among-words@noord.example (oud)"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def travelled() -> Iterator[Road]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled:
        yield travelled


@pytest.fixture(scope="module")
def answers(travelled: Road, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    unharmed = [
        _grant("unharmed"),
        _grant("several-too"),
        _grant("phone", phone="+31201234567", email="phone@noord.example"),
    ]
    granted = [_grant(name) for name in LINES]
    by_file = [
        "csv-fewer",
        "csv-more",
        "csv-quote",
        "csv-tail",
        "csv-id",
        "csv-bad-byte",
        "json-broken",
        "sheet-wide",
        "no-header",
    ]
    travelled.events([*unharmed, *granted, *(_grant(name) for name in by_file), *LINES.values()])
    travelled.registered(
        "sources.csv", "afmeld,lead_vendor,vendor,afmeld,lead_vendor,noord,Europe/Amsterdam,false,false"
    )
    travelled.registered(
        "vendor_file_formats.csv",
        "afmeld,*.csv,csv,,;,true,,NL",
        "afmeld,*.jsonl,jsonl,,,true,,",
        "afmeld,*.xlsx,xlsx,,,true,,",
    )
    travelled.registered(
        "vendor_columns.csv", "afmeld,nummer,event_id,true,", "afmeld,adres,email_text,true,", "afmeld,telefoon,phone_text,false,",
        "afmeld,,event_type,false,consent_withdrawn",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("afmeld")
    head = b"nummer;adres;telefoon\n"
    (folder / "1.csv").write_bytes(
        head + b"1;csv-fewer@noord.example\n2;csv-more@noord.example;;;\n" + b'3;"csv-quote@noord.example" x;\n'
        + b"x" * 2000 + b";csv-id@noord.example;\n" + b"5;csv-bad-byte@noord.example;\x00\n" + b"6;;020 123 45 67 / 020 765 43 21\n"
        + b'7;"opened;\n8;csv-tail@noord.example;\n'
    )  # fmt: skip
    (folder / "2.jsonl").write_bytes(b'{"nummer": 9, "adres": "json-broken@noord.example"\n')
    (folder / "3.csv").write_bytes(b"csv zonder kop\nno-header@noord.example\n")
    book = openpyxl.Workbook()
    for row in (("nummer", "adres", "telefoon"), (10, "sheet-wide@noord.example", "", "", "te veel")):
        book.active.append(row)
    book.save(folder / "4.xlsx")
    travelled.files("afmeld", folder)
    names = ["unharmed", "several-too", *LINES, *by_file]
    asked = [{"id": name, "address": f"{name}@noord.example"} for name in names]
    asked.append({"id": "phone", "address": "+31 20 123 45 67", "channel": "phone"})
    return travelled.ask(asked)


@pytest.mark.parametrize(
    "name",
    [*LINES, "several-too", "phone", "csv-fewer", "csv-more", "csv-quote", "csv-tail", "csv-id", "csv-bad-byte",
     "json-broken", "sheet-wide", "no-header"],
)  # fmt: skip
def test_a_restriction_restricts_whatever_its_record_suffers(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is False
    assert answers[name]["reason"] not in ("ok", "no_permission")


def test_who_restricted_nothing_stays_marketable(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["unharmed"]["marketable"] is True


def test_each_broken_record_stands_in_quarantine(travelled: Road, answers: dict[str, dict[str, Any]]) -> None:
    reasons = {position: reason for source, position, reason, _ in travelled.quarantined()}
    sound = {"unknown-scope", "bounce-in-capitals", "several", "several-in-lines", "address-among-words"}
    broken = [name for name in LINES if name not in sound]
    assert len([position for position in reasons if position.startswith("events.jsonl:")]) >= len(broken) - 4
    assert {"unreadable_address", "several_addresses"} <= set(reasons.values())


def test_what_was_pulled_is_what_stands(travelled: Road, answers: dict[str, dict[str, Any]]) -> None:
    with travelled.connected() as connection:
        rows = connection.execute(
            "select records_seen, records_new, records_known, records_broken from raw.pulls where source = 'afmeld'"
        ).fetchall()
    assert rows
    for seen, new, known, broken in rows:
        assert seen == new + known + broken


def test_a_later_version_that_breaks_its_contract_takes_the_permission_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    corrected = _grant("bram") | {"received_at": LEFT, "evidence": {"ip": 7}}
    with road(monkeypatch) as travelled:
        travelled.events([_grant("bram"), corrected])
        asked = [
            {"id": at, "address": "bram@noord.example", "as_of": at}
            for at in (GRANTED[:5] + "02" + GRANTED[7:], "2025-04-01T00:00:00Z")
        ]
        before, after = travelled.ask(asked).values()
    assert before["marketable"] is True
    assert (after["marketable"], after["reason"]) == (False, "no_permission")


def test_what_is_left_of_a_connectors_broken_record_restricts_and_permits_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from optkeeper.sources.hubspot import CONTACTS, _remains
    from optkeeper.sources.hubspot_records import broken as _broken

    contact = {
        "id": "1",
        "properties": {
            "email": "carla@noord.example",
            "hs_email_optout": True,
            "lastmodifieddate": "2026-01-01T00:00:00Z",
            "city": 7,
        },
        "propertiesWithHistory": {
            "hs_email_optout": [{"value": "true", "timestamp": "2026-01-01T00:00:00Z"}],
            "email": "none",
        },
    }
    with road(monkeypatch) as travelled:
        travelled.events([_grant("carla")])
        broken = _broken(
            CONTACTS, "page 1, item 1", "a property is no text", contact, "city", remains=_remains(CONTACTS, contact)
        )
        counts = travelled.stream("crm", [broken])
        answer = travelled.ask([{"id": "q", "address": "carla@noord.example"}])["q"]
    assert (counts.records_seen, counts.records_broken, counts.quarantined) == (1, 1, 1)
    assert (answer["marketable"], answer["reason"]) == (False, "withdrawn")


def test_a_record_that_holds_nul_restricts_also_from_a_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    member = {
        "id": "c" * 32, "contact_id": "k1", "email_address": "dirk@noord.example", "status": "unsubscribed", "list_id": "l1",
        "unsubscribe_reason": "a\x00b", "last_changed": "2026-01-01T00:00:00+00:00", "timestamp_opt": "", "timestamp_signup": "",
    }  # fmt: skip
    with road(monkeypatch) as travelled:
        travelled.events([_grant("dirk")])
        travelled.stream("esp", [Received("mailchimp.members", "l1/k1", member)])
        answer = travelled.ask([{"id": "q", "address": "dirk@noord.example"}])["q"]
    assert answer["marketable"] is False


def test_a_broken_member_that_left_the_text_messages_has_left_them(monkeypatch: pytest.MonkeyPatch) -> None:
    member = {
        "id": "0" * 32, "contact_id": "k2", "email_address": "dirk@noord.example", "status": "paused",
        "sms_phone_number": "06 12340002", "sms_subscription_status": "Unsubscribed",
    }  # fmt: skip
    with road(monkeypatch) as travelled:
        travelled.events([_grant("dirk", phone="+31612340002")])
        from optkeeper.sources.mailchimp import _member

        travelled.stream("esp", [_member("l1", "page 1", member)])
        asked = [
            {"id": "sms", "address": "+31612340002", "channel": "sms"},
            {"id": "mail", "address": "dirk@noord.example"},
        ]
        answers = travelled.ask(asked)
    assert (answers["sms"]["reason"], answers["mail"]["marketable"]) == ("withdrawn", True)


def test_of_several_events_in_one_line_only_those_who_restrict_are_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, left = _grant("frits") | {"event_id": "another"}, json.loads(_line("fleur"))
    with road(monkeypatch) as travelled:
        travelled.events([_grant("frits"), _grant("fleur"), _grant("floor")])
        travelled.events([json.dumps([kept, left]).encode(), json.dumps(kept).encode() + b" " + _line("floor")])
        answers = travelled.ask(
            [{"id": name, "address": f"{name}@noord.example"} for name in ("frits", "fleur", "floor")]
        )
    assert [answer["marketable"] for answer in answers.values()] == [True, False, False]


def test_a_list_that_is_numbered_anew_each_day_restricts_all_and_links_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    people = ("gijs", "greet", "guus")
    with road(monkeypatch) as travelled:
        travelled.events([_grant(name) for name in (*people, "gea")])
        travelled.registered(
            "sources.csv", "afmeld,lead_vendor,vendor,afmeld,lead_vendor,noord,Europe/Amsterdam,false,false"
        )
        travelled.registered("vendor_file_formats.csv", "afmeld,*.csv,csv,,,true,,NL")
        travelled.registered(
            "vendor_columns.csv", "afmeld,nr,event_id,true,", "afmeld,adres,email_text,true,",
            "afmeld,,event_type,false,consent_withdrawn",
        )  # fmt: skip
        for day, name in enumerate((*people, "gijs")):
            (tmp_path / f"{day}.csv").write_text(f"nr;adres\n1;{name}@noord.example\n")
            travelled.files("afmeld", tmp_path)
        answers = travelled.ask([{"id": name, "address": f"{name}@noord.example"} for name in (*people, "gea")])
        with travelled.connected() as connection:
            contacts = connection.execute(
                "select count(distinct contact_id) from intermediate.int_identity__resolved where event_key like 'web/%'"
            ).fetchone()
            versions = connection.execute("select count(*) from raw.records where source = 'afmeld'").fetchone()
    assert [answer["marketable"] for answer in answers.values()] == [False, False, False, True]
    assert (contacts, versions) == ((4,), (4,))


def test_a_file_that_is_delivered_again_goes_back_to_what_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = "Leadnummer;Voornaam;Achternaam;Bedrijf;E-mailadres;Telefoon;Land;Toestemming op;Toestemmingstekst;Formulier;IP-adres\n"
    row = "1;A;B;;{who}@noord.example;;NL;2026-01-10 10:00;leadco-noord-v1;https://leadco.example/f;1.2.3.4\n"
    with road(monkeypatch) as travelled:
        counts = []
        for day, who in enumerate(("hans", "hilde", "hans")):
            path = tmp_path / f"{day}.csv"
            path.write_text(head + row.format(who=who))
            os.utime(path, (1_700_000_000 + day, 1_700_000_000 + day))
            counts.append(travelled.files("leadco", tmp_path))
        answers = travelled.ask([{"id": name, "address": f"{name}@noord.example"} for name in ("hans", "hilde")])
    assert [count.records_new for count in counts] == [1, 1, 1]
    assert [answer["marketable"] for answer in answers.values()] == [True, False]


def test_a_grant_for_a_cell_of_several_addresses_permits_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with road(monkeypatch) as travelled:
        travelled.events([_grant("emma", email="emma@noord.example, evert@noord.example")])
        answers = travelled.ask([{"id": name, "address": f"{name}@noord.example"} for name in ("emma", "evert")])
        reasons = {reason for _, _, reason, _ in travelled.quarantined()}
    assert [answer["marketable"] for answer in answers.values()] == [False, False]
    assert reasons == {"several_addresses"}


def test_files_that_are_not_opened_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("een.doc", "twee.doc", "drie\n.csv"):
        (tmp_path / name).write_bytes(b"1234")
    with road(monkeypatch) as travelled:
        counts = travelled.files("leadco", tmp_path)
        again = travelled.files("leadco", tmp_path)
        told = travelled.quarantined()
    assert (counts.records_broken, counts.quarantined) == (3, 3)
    assert (again.records_broken, again.quarantined) == (3, 0)
    assert {(position, reason) for _, position, reason, _ in told} == {
        ("een.doc", "unregistered_file"), ("twee.doc", "unregistered_file"), ("'drie\\n.csv'", "unsafe_file_name"),
    }  # fmt: skip
