"""R27: a list of people who want no more is read however it is dressed; nobody has to look at it first."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.road.road import Road, road
from tests.road.test_restrictions_survive import _grant

HEADER = "nr;e-mail;telefoon;datum"


def _workbook(*rows: tuple[str, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _zipped(name: str, text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, text)
    return file.getvalue()


def _row(name: str, *, phone: str = "") -> str:
    return f"1-{name};{name}@noord.example;{phone};2026-02-01"


# who is named in a file, by the file's name
FILES: dict[str, tuple[str, bytes]] = {
    "plain": ("lijst-plain.csv", f"{HEADER}\n{_row('plain')}\n".encode()),
    "sep": ("lijst-sep.csv", f"sep=;\n{HEADER}\n{_row('sep')}\n".encode()),
    "commas": ("lijst-commas.csv", f"{HEADER}\n{_row('commas')}\n".replace(";", ",").encode()),
    "utf16": ("lijst-utf16.csv", f"{HEADER}\n{_row('utf16')}\n".encode("utf-16")),
    "title": ("lijst-title.csv", f"Bel-me-niet lijst\n\n{HEADER}\n{_row('title')}\n".encode()),
    "trailing": ("lijst-trailing.csv", f"{HEADER};\n{_row('trailing')};\n".encode()),
    "again": ("lijst-again.csv", f"{HEADER}\n{_row('x')}\n{HEADER}\n{_row('again')}\n".encode()),
    "no-date": ("lijst-no-date.csv", b"e-mail\nno-date@noord.example\n"),
    "index": ("lijst-index.csv", f";{HEADER}\n0;{_row('index')}\n".encode()),
    "no-header": ("lijst-no-header.csv", f"{_row('no-header')}\n".encode()),
    "twice": ("lijst-twice.csv", f"{HEADER};e-mail\n{_row('twice')};\n".encode()),
    "workbook": ("lijst-workbook.csv", _workbook(tuple(HEADER.split(";")), tuple(_row("workbook").split(";")))),
    "text": ("lijst-text.xlsx", f"{HEADER}\n{_row('text')}\n".encode()),
    "json": ("lijst-json.csv", json.dumps({"nr": 1, "e-mail": "json@noord.example"}).encode()),
    "other-name": ("Afmeldingen week 5.csv", f"{HEADER}\n{_row('other-name')}\n".encode()),
    "zip": ("Afmeldingen.zip", _zipped("export 5.txt", f"{HEADER}\n{_row('zip')}\n".encode())),
}
PHONES = {
    "bella": ("lijst-bella.csv", b"7;0612345601;2026-02-01\n8;;\n"),
    "chris": ("lijst-chris.csv", b"telefoon\n31612345602.0\n"),
}


@pytest.fixture(scope="module")
def travelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("lists")
    for name, content in (*FILES.values(), *PHONES.values()):
        (folder / name).write_bytes(content)
    (folder / "leesmij.txt").write_text("Vragen? vraag@noord.example\n")
    with pytest.MonkeyPatch.context() as patch, road(patch) as one:
        one.registered("sources.csv", "weg,canonical,first_party,,customer_service,noord,Europe/Amsterdam,false,false")
        one.registered(
            "vendor_columns.csv",
            "weg,nr,event_id,true,", "weg,e-mail,email_text,true,", "weg,telefoon,phone_text,true,",
            "weg,datum,occurred_text,true,", "weg,,event_type,false,objection_raised",
        )  # fmt: skip
        one.registered("vendor_file_formats.csv", "weg,lijst-*.csv,csv,,;,true,,NL", "weg,lijst-*.xlsx,xlsx,,,true,,NL")
        one.events([_grant(name) for name in (*FILES, "vraag", "stays")])
        one.events(
            [
                _grant("bella", phone="+31612345601"),
                _grant("chris", phone="+31612345602"),
                _grant("dirk", phone="+31612345603"),
            ]
        )
        one.files("weg", folder)
        yield one


@pytest.fixture(scope="module")
def answers(travelled: Road) -> dict[str, dict[str, Any]]:
    asked = [{"id": name, "address": f"{name}@noord.example"} for name in (*FILES, "vraag", "stays")]
    asked += [
        {"id": name, "address": number, "channel": "phone", "purpose": "product_news"}
        for name, number in (("bella", "+31612345601"), ("chris", "+31612345602"), ("dirk", "+31612345603"))
    ]
    return travelled.ask(asked)


@pytest.mark.parametrize("name", [*FILES, *PHONES])
def test_whom_a_list_names_is_not_marketable(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is False, answers[name]


@pytest.mark.parametrize("name", ["vraag", "stays", "dirk"])
def test_who_is_on_no_list_stays_marketable(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is True, answers[name]


def test_what_no_row_names_is_told_all_the_same(travelled: Road) -> None:
    told = {position for source, position, reason, _ in travelled.quarantined() if reason == "unregistered_file"}
    assert told == {"Afmeldingen week 5.csv", "Afmeldingen.zip", "leesmij.txt"}


def test_a_list_is_read_once(travelled: Road, tmp_path: Path) -> None:
    with travelled.connected() as connection:
        rows = connection.execute(
            "select count(*), count(distinct source_id) from raw.records where source = 'weg' and broken_reason is null"
        ).fetchone()
    assert rows is not None
    assert rows[0] == rows[1]
