import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from optkeeper import registry, transform
from optkeeper.landing.land import LandingCounts
from optkeeper.landing.pull import pull
from optkeeper.sources import vendor_files
from optkeeper.sources.stream import ConnectionDetails

Connection = psycopg.Connection[Any]
HEADER = "Leadnummer;Voornaam;Achternaam;Bedrijf;E-mailadres;Telefoon;Land;Toestemming op;Toestemmingstekst;Formulier;IP-adres;Bedrag"


def _lead(number: int, given: str = "31-08-2026 14:05", email: str | None = None) -> str:
    address = f"p{number}@noord.example" if email is None else email
    return f"L-{number};Zoë;de Vries;Noord;{address};020 {number:07};NL;{given};leadco-noord-v1;https://leadco.example/f;198.51.100.7;1.234,50"


def _deliver(folder: Path, name: str, *lines: str, encoding: str = "cp1252") -> None:
    (folder / name).write_bytes("\r\n".join([HEADER, *lines, ""]).encode(encoding))


def _pull(connection: Connection, folder: Path, source: str = "leadco") -> LandingCounts:
    return pull(connection, registry.pulled_source(source), ConnectionDetails(extra={"url": folder.as_uri()}))


def _reasons(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("select position, reason, field from raw.quarantine order by quarantine_id").fetchall()


def test_rows_land_as_delivered_with_their_batch(warehouse: Connection, tmp_path: Path) -> None:
    _deliver(tmp_path, "leadco-2026-09-01.csv", _lead(1), _lead(2))
    assert _pull(warehouse, tmp_path).records_new == 2
    row = warehouse.execute("select source_id, batch, payload from raw.records order by record_id").fetchone()
    assert row is not None
    assert row[:2] == ("L-1", "leadco-2026-09-01")
    assert row[2]["row"]["Voornaam"] == "Zoë"
    assert row[2]["row"]["Bedrag"] == "1.234,50"
    assert row[2]["row"]["Toestemming op"] == "31-08-2026 14:05"


def test_a_resent_or_renamed_file_is_known_and_an_overlapping_delivery_adds_what_is_new(
    warehouse: Connection, tmp_path: Path
) -> None:
    _deliver(tmp_path, "a.csv", _lead(1), _lead(2))
    _pull(warehouse, tmp_path)
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert _pull(warehouse, tmp_path).records_seen == 0
    _deliver(tmp_path, "c.csv", _lead(2), _lead(3))
    assert _pull(warehouse, tmp_path).records_new == 1


def test_a_pull_killed_within_a_file_takes_it_again_without_doubling(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deliver(tmp_path, "a.csv", *(_lead(number) for number in range(50)))
    from optkeeper.landing import land

    monkeypatch.setattr(land, "CHUNK", 10)
    taken = land.Landing._take
    calls = iter(range(1000))

    def killed(self: Any, *arguments: Any) -> None:
        if next(calls) == 25:
            raise KeyboardInterrupt
        taken(self, *arguments)

    monkeypatch.setattr(land.Landing, "_take", killed)
    with pytest.raises(KeyboardInterrupt):
        _pull(warehouse, tmp_path)
    _pull(warehouse, tmp_path)
    assert warehouse.execute("select count(*), count(distinct source_id) from raw.records").fetchone() == (50, 50)
    assert warehouse.execute("select state from raw.pulls order by pull_id").fetchall() == [("failed",), ("complete",)]


def test_a_row_without_any_usable_address_goes_to_quarantine(warehouse: Connection, tmp_path: Path) -> None:
    row = _lead(1, email="n/a").replace("020 0000001", "onbekend")
    _deliver(tmp_path, "a.csv", row, _lead(2))
    assert _pull(warehouse, tmp_path).records_new == 1
    assert _reasons(warehouse) == [("a.csv:2", "no_address", None)]


def test_a_missing_required_column_is_named(warehouse: Connection, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Leadnummer;E-mailadres\nL-1;a@noord.example\n")
    _pull(warehouse, tmp_path)
    assert _reasons(warehouse) == [("a.csv", "missing_column", "Toestemming op")]
    assert warehouse.execute("select detail from raw.quarantine").fetchall() == [
        ("a.csv: The required column Toestemming op is missing.",)
    ]
    assert _pull(warehouse, tmp_path).quarantined == 0


def test_a_file_of_a_name_that_the_registry_lacks_is_reported_once(warehouse: Connection, tmp_path: Path) -> None:
    (tmp_path / "leads.docx").write_bytes(b"x")
    (tmp_path / ".leads.csv").write_bytes(b"x")
    assert [_pull(warehouse, tmp_path).quarantined for _ in range(2)] == [1, 0]
    assert _reasons(warehouse) == [("leads.docx", "unregistered_file", None)]


def test_a_file_that_the_registry_could_not_read_is_read_once_it_can(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("Leadnummer;E-mailadres\nL-1;a@noord.example\n")
    assert _pull(warehouse, tmp_path).records_new == 0
    monkeypatch.setattr(vendor_files, "columns", lambda _: vendor_files.Columns({"email_text": "e-mailadres"}, ()))
    assert _pull(warehouse, tmp_path).records_new == 1
    assert _pull(warehouse, tmp_path).records_seen == 0


@pytest.mark.parametrize(("text", "reason"), [(b"", "empty_file"), (b"a;a\n1;2\n", "malformed_header")])
def test_a_file_that_cannot_be_read_is_reported_once(
    warehouse: Connection, tmp_path: Path, text: bytes, reason: str
) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    _pull(warehouse, tmp_path)
    assert _pull(warehouse, tmp_path).quarantined == 0
    assert _reasons(warehouse) == [("a.csv", reason, None)]


def test_a_header_only_is_taken_without_complaint(warehouse: Connection, tmp_path: Path) -> None:
    _deliver(tmp_path, "a.csv")
    counts = _pull(warehouse, tmp_path)
    assert (counts.records_seen, counts.quarantined, counts.files) == (0, 0, 1)


def test_files_that_are_being_written_or_hidden_are_left_alone(warehouse: Connection, tmp_path: Path) -> None:
    for name in ("a.csv.part", ".b.csv", "c.csv.tmp"):
        _deliver(tmp_path, name, _lead(1))
    os.mkfifo(tmp_path / "d.csv")
    assert _pull(warehouse, tmp_path).records_seen == 0


def test_rows_become_canonical_events_with_dates_as_the_vendor_writes_them(
    warehouse: Connection, warehouse_url: str, tmp_path: Path
) -> None:
    dates = {
        "31-08-2026 14:05": "2026-08-31 14:05:00",
        "1/9/2026": "2026-09-01",
        "31.08.2026 9:05:07": "2026-08-31 09:05:07",
        "31 augustus 2026": "2026-08-31",
        "1 mrt. 2026 10:00": "2026-03-01 10:00:00",
        "2026-08-31T14:05:00+02:00": "2026-08-31 14:05:00+02:00",
        "2026-08-31": "2026-08-31",
        "2026/8/1 7:00": "2026-08-01 07:00:00",
        "31-02-2026": None,
        "31 augurk 2026": None,
        "31-08-2026 25:61": None,
        "ergens in mei": None,
        "infinity": None,
    }
    delivered = tmp_path / "in"
    delivered.mkdir()
    _deliver(delivered, "a.csv", *(_lead(number, given) for number, given in enumerate(dates, 10)))
    bare = _lead(50, "").replace("leadco-noord-v1", "").replace(";NL;", ";;")
    _deliver(delivered, "b.csv", bare)
    _pull(warehouse, delivered)
    listed = tmp_path / "listed"
    listed.mkdir()
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(("Record", "Company", "Email", "Phone", "Country", "Legal form", "Added on"))
    sheet.append(("LH1", "Noord", "a@noord.example", 31200000001, "nl ", "V.O.F.", date(2026, 8, 20)))
    book.save(listed / "list.xlsx")
    _pull(warehouse, listed, "listhouse")
    joint = tmp_path / "joint"
    joint.mkdir()
    (joint / "webinar.jsonl").write_text(
        '{"id": 7, "email": "j@noord.example", "name": "Jansen", "consented_at": "2026-08-01T09:00:00Z", "text": "v1"}\n'
    )
    details = ConnectionDetails(extra={"url": joint.as_uri()})
    pull(warehouse, replace(registry.pulled_source("leadco"), source="joint", vendor="joint"), details)

    transform.run(
        ["build", "--no-write-json", "--select", "+int_events__from_vendor_files", "--indirect-selection", "cautious"],
        address=warehouse_url, work_folder=tmp_path,
    )  # fmt: skip

    events = "select {} from intermediate.int_events__from_vendor_files where {} order by record_id"
    dated = warehouse.execute(events.format("occurred_text", "source = 'leadco' and batch = 'a'")).fetchall()  # type: ignore[call-overload]
    assert [row[0] for row in dated] == list(dates.values())
    told = "event_id, event_type, email_text, phone_text, country, method, text_version, recipient_form, occurred_text"
    leads = warehouse.execute(events.format(told, "event_id in ('L-10', 'L-50')")).fetchall()  # type: ignore[call-overload]
    assert leads == [
        ("L-10", "consent_given", "p10@noord.example", "020 0000010", "NL", "vendor_form", "leadco-noord-v1", None,
         "2026-08-31 14:05:00"),
        ("L-50", "contact_upserted", "p50@noord.example", "020 0000050", None, "vendor_form", None, None, None),
    ]  # fmt: skip
    others = warehouse.execute(events.format(told, "source <> 'leadco'")).fetchall()  # type: ignore[call-overload]
    assert others == [
        ("LH1", "contact_upserted", "a@noord.example", "31200000001", "nl", None, None, "partnership", "2026-08-20"),
        ("7", "consent_given", "j@noord.example", None, None, "webinar_form", "v1", None, "2026-08-01 09:00:00Z"),
    ]
    assert warehouse.execute(
        "select count(*) from raw.addresses where country = 'NL' and kind = 'phone'"
    ).fetchone() == (len(dates) + 2,)
