import csv
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
from openpyxl.utils.escape import unescape
from optkeeper.delivery import workbook
from optkeeper.delivery.deliver import deliver

from tests.delivery import marts
from tests.delivery.test_cells import DANGEROUS

Connection = psycopg.Connection[Any]


def _delivered(connection: Connection, folder: Path, brand: str = "noord", channel: str = "email") -> Path:
    deliver(connection, destination_url=folder.as_uri())
    return folder / f"renewal_due/2026-03-01/{brand}/{channel}.xlsx"


def _cover(path: Path) -> str:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return "\n".join(str(value) for row in sheet.iter_rows(values_only=True) for value in row if value is not None)


def test_the_list_sheet_has_dates_as_dates_numbers_as_numbers_and_dutch_column_names(
    published: Connection, tmp_path: Path
) -> None:
    marts.add(published, "c1", days_left=3)
    sheet = openpyxl.load_workbook(_delivered(published, tmp_path))["Lijst"]
    header, row = sheet.iter_rows()
    cells = dict(zip((cell.value for cell in header), row, strict=True))
    assert cells["Vervaldatum"].value == datetime(2026, 3, 4)
    assert cells["Vervaldatum"].is_date
    assert cells["Vervaldatum"].number_format == "dd-mm-yyyy"
    assert (cells["Dagen over"].value, cells["Dagen over"].data_type) == (3, "n")
    assert cells["Grondslag"].value == "Toestemming"
    assert (cells["Voornaam"].value, cells["Achternaam"].value) == ("Zoë", "'t Hart")
    assert cells["Herkomst"].value == "Webformulier"


def test_the_list_sheet_is_ready_to_filter_and_to_print(published: Connection, tmp_path: Path) -> None:
    for number in range(3):
        marts.add(published, f"c{number}")
    sheet = openpyxl.load_workbook(_delivered(published, tmp_path))["Lijst"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:O4"
    assert sheet.print_area == "'Lijst'!$A$1:$K$4"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.page_setup.orientation == "landscape"
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0)  # None is 1
    assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_an_empty_list_has_its_header_and_its_cover(published: Connection, tmp_path: Path) -> None:
    path = _delivered(published, tmp_path)
    sheet = openpyxl.load_workbook(path)["Lijst"]
    assert (sheet.max_row, sheet.max_column) == (1, 15)
    assert "Contactpunten\n0" in _cover(path)


def test_no_cell_of_either_file_is_a_formula_whatever_the_sources_say(published: Connection, tmp_path: Path) -> None:
    for number, text in enumerate(DANGEROUS):
        marts.add(published, f"c{number:02}", first_name=text, last_name=text, company=text, lead_channel=text)
    marts.add(published, "=c", address="=x@klant.example", evidence_id="+web/1", basis="=b", purpose="=p")
    path = _delivered(published, tmp_path)
    for sheet in openpyxl.load_workbook(path).worksheets:
        assert not [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if b"<f>" in archive.read(name) or b"<f " in archive.read(name)]
    rows = list(openpyxl.load_workbook(path)["Lijst"].iter_rows(min_row=2))
    first_names = {str(row[14].value): row[0] for row in rows}
    for number, text in enumerate(DANGEROUS):
        cell = first_names[f"c{number:02}"]
        assert (cell.data_type, cell.quotePrefix) == ("s", True)
        assert str(cell.value).strip() == text.strip()
    for suffix, encoding, separator in ((".csv", "utf-8-sig", ";"), (".import.csv", "utf-8", ",")):
        with path.with_suffix(suffix).open(encoding=encoding, newline="") as lines:
            values = [value for row in csv.reader(lines, delimiter=separator) for value in row]
        assert len(values) == (len(DANGEROUS) + 2) * (15 if separator == ";" else 16)
        assert not [
            value for value in values if value.lstrip("\ufeff\u200b\u00a0 \t\r\n")[:1] in set("=+-@＝＋－＠") - {""}
        ]


def test_the_csv_is_read_back_as_it_was_published(published: Connection, tmp_path: Path) -> None:
    marts.add(published, "c1", company='Jansen, "De Zwaan"\nB.V.', first_name=None)
    marts.add(published, "c2", address="+31201234567", days_left=21)
    path = _delivered(published, tmp_path).with_suffix(".import.csv")
    content = path.read_bytes()
    assert content.startswith(b'"contact_id","channel"')
    assert content.count(b"\r\n") == content.count(b"\n") == 3
    with path.open(encoding="utf-8", newline="") as lines:
        first, second = csv.DictReader(lines)
    assert first == {
        "contact_id": "c1", "channel": "email", "address": "c1@klant.example", "address_written": "", "first_name": "", "last_name": "'t Hart",
        "company": 'Jansen, "De Zwaan" B.V.', "purposes": "newsletter", "stage": "new", "basis": "consent",
        "opt_out_line": "not_required", "lead_channel": "web_form", "expires_on": "2026-03-21", "days_left": "20",
        "asked_on": "", "evidence_id": "web/c1",
    }  # fmt: skip
    assert second["address"] == "+31201234567"


def test_the_csv_for_people_opens_by_a_click_and_reads_as_the_spreadsheet(
    published: Connection, tmp_path: Path
) -> None:
    marts.add(published, "c1", stage="reminder", asked_on=date(2026, 2, 1), basis="soft_opt_in")
    marts.add(published, "c1", purpose="product_news", address="c1@klant.example")
    path = _delivered(published, tmp_path).with_suffix(".csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        (row,) = csv.DictReader(lines, delimiter=";")
    assert {name: row[name] for name in ("Doelen", "Fase", "Grondslag", "Gevraagd op", "Voornaam")} == {
        "Doelen": "Nieuwsbrief, Productnieuws", "Fase": "Herinnering",
        "Grondslag": "Toestemming, Bestaande klant", "Gevraagd op": "2026-02-01", "Voornaam": "Zoë",
    }  # fmt: skip


def test_the_list_says_where_the_message_must_offer_an_opt_out(published: Connection, tmp_path: Path) -> None:
    marts.add(published, "c1", days_left=1)
    marts.add(published, "c2", days_left=2, basis="soft_opt_in")
    marts.add(published, "c3", days_left=3, basis="legitimate_interest", address="c3@post.example")
    sheet = openpyxl.load_workbook(_delivered(published, tmp_path))["Lijst"]
    rows = [tuple(cell.value for cell in row)[10:12] for row in sheet.iter_rows()]
    assert rows == [
        ("Afmeldregel", "Grondslag"),
        (None, "Toestemming"),
        ("verplicht", "Bestaande klant"),
        ("verplicht", "Gerechtvaardigd belang"),
    ]


def test_the_cover_sheet_explains_the_list_in_dutch(published: Connection, tmp_path: Path) -> None:
    marts.add(published, "c1", days_left=7)
    marts.add(published, "c2", days_left=8, purpose="events", basis="soft_opt_in", stage="reminder")
    marts.add(published, "c3", stage="asked_waiting")
    marts.make_stale(published, "crm", marts.AS_OF - timedelta(minutes=30, hours=24))
    marts.make_stale(published, "leadco", None)
    text = _cover(_delivered(published, tmp_path))
    assert "Te vernieuwen toestemmingen\nMerk\nNoord\nKanaal\nE-mail\nDatum" in text
    assert "De CRM-gegevens (crm) zijn van gisteren 06:00; wijzigingen daarna staan niet in deze lijst." in text
    assert "leadleverancier (leadco) zijn nog nooit opgehaald" in text
    assert "geldt tot 24 maanden" in text
    assert "binnen 60 dagen" in text
    assert "0 tot en met 7 dagen\n1\n8 tot en met 30 dagen\n1\n31 dagen of meer\n0" in text
    assert "Contactpunten\n2\nOnlangs gevraagd, wachten op antwoord\n1" in text
    assert "Per fase\nNieuw\n1\nHerinnering\n1\nPer doel\nEvenementen\n1\nNieuwsbrief\n1" in text
    assert "Bestaande klant\n1" in text
    assert "run-1" in text
    assert "policy-1" in text


def test_the_cover_sheet_explains_the_list_in_english_where_its_owner_reads_english(
    published: Connection, tmp_path: Path
) -> None:
    marts.add(published, "c1", brand="zuid")
    marts.make_stale(published, "esp", marts.AS_OF - timedelta(days=5))
    path = _delivered(published, tmp_path, brand="zuid")
    text = _cover(path)
    assert (
        "The e-mail platform's data (esp) is from 24 February 2026 06:30; later changes are not in this list." in text
    )
    assert "lasts until 24 months" in text
    sheet = openpyxl.load_workbook(path)["List"]
    assert sheet["G1"].value == "Expires on"
    assert sheet["G2"].value == datetime.combine(date(2026, 3, 21), datetime.min.time())


def test_a_source_that_the_publication_does_not_know_is_told_as_never_pulled(
    published: Connection, tmp_path: Path
) -> None:
    published.execute("delete from marts.source_freshness where source = 'web'")
    assert "webformulieren (web) zijn nog nooit opgehaald" in _cover(_delivered(published, tmp_path))


def test_no_moment_of_writing_stands_in_the_file(published: Connection, tmp_path: Path) -> None:
    marts.add(published, "c1")
    with zipfile.ZipFile(_delivered(published, tmp_path)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 31, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2026-03-01T00:00:00Z") == 2


def test_a_list_longer_than_a_sheet_goes_on_in_the_next(
    published: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", 2)
    for number in range(5):
        marts.add(published, f"c{number}")
    book = openpyxl.load_workbook(_delivered(published, tmp_path))
    assert book.sheetnames == ["Toelichting", "Lijst", "Lijst 2", "Lijst 3"]
    assert [book[name].max_row for name in book.sheetnames[1:]] == [3, 3, 2]
    assert book["Lijst 3"].auto_filter.ref == "A1:O2"


def test_whatever_a_text_holds_is_read_back_from_the_spreadsheet(published: Connection, tmp_path: Path) -> None:
    texts = (
        "_x003D_1", "_x0041_x0042_", "file_x1_y", "a<b>&amp;c", '"Q" & \'q\'', "<f>1</f>", "]]>", "\N{FAMILY}",
        "\N{NO-BREAK SPACE}x", "x" * 32_000,
    )  # fmt: skip
    for number, text in enumerate(texts):
        marts.add(published, f"c{number}", days_left=number, company=text, address=f"c{number}@klant.example")
    path = _delivered(published, tmp_path)
    cells = [row[2] for row in openpyxl.load_workbook(path)["Lijst"].iter_rows(min_row=2)]
    assert tuple(unescape(str(cell.value)) for cell in cells) == texts
    assert {cell.data_type for cell in cells} == {"s"}


def test_no_row_stands_twice_in_a_sheet(published: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_PER_SHEET", 2)
    for number in range(3):
        marts.add(published, f"c{number}")
    found = {}
    for brand in ("noord", "zuid"):
        with zipfile.ZipFile(_delivered(published, tmp_path, brand=brand)) as archive:
            for name in archive.namelist():
                if name.startswith("xl/worksheets/sheet"):
                    rows = re.findall(rb'<row r="([0-9]+)"', archive.read(name))
                    assert len(rows) == len(set(rows)), (brand, name)
                    found[brand, name] = len(rows)
    assert found["noord", "xl/worksheets/sheet2.xml"] == 3
    assert found["noord", "xl/worksheets/sheet3.xml"] == 2
    assert found["zuid", "xl/worksheets/sheet2.xml"] == 1


def test_every_second_row_is_shaded_and_what_is_due_soon_is_marked(published: Connection, tmp_path: Path) -> None:
    for number, days_left in enumerate((7, 8, 30, 31)):
        marts.add(published, f"c{number}", days_left=days_left, address=f"c{number}@klant.example", last_name=None)
    sheet = openpyxl.load_workbook(_delivered(published, tmp_path))["Lijst"]
    header, *rows = sheet.iter_rows()
    assert [cell.coordinate for cell in rows[-1]] == [f"{letter}5" for letter in "ABCDEFGHIJKLMNO"]
    assert sheet.calculate_dimension() == "A1:O5"
    (days_left,) = [place for place, cell in enumerate(header) if cell.value == "Dagen over"]
    assert [row[days_left].fill.fgColor.rgb for row in rows] == ["FFF8CBAD", "FFFFF2CC", "FFFFF2CC", "FFEAF0F7"]
    assert [row[0].fill.fgColor.rgb for row in rows] == ["00000000", "FFEAF0F7"] * 2
    for row in rows:
        assert {(cell.font.name, cell.font.sz, cell.alignment.wrap_text) for cell in row} == {("Calibri", 11, True)}
        assert row[1].value is None
        assert row[1].fill.fgColor.rgb == row[0].fill.fgColor.rgb


def test_a_row_is_as_high_as_its_texts_need(published: Connection, tmp_path: Path) -> None:
    marts.add(published, "c1", days_left=1, consent_text="Ja.", form_url=None, source="web")
    marts.add(published, "c2", days_left=2, consent_text="Ja, stuur mij alles. " * 40, address="c2@klant.example")
    marts.add(published, "c3", days_left=3, consent_text="Ja, stuur mij alles. " * 400, address="c3@klant.example")
    sheet = openpyxl.load_workbook(_delivered(published, tmp_path))["Lijst"]
    heights = [sheet.row_dimensions[row].height for row in (2, 3, 4)]
    assert heights[0] < heights[1] < heights[2] <= 409
    why = str(sheet["J3"].value)
    assert heights[1] >= 15 * len(why) / sheet.column_dimensions["J"].width
