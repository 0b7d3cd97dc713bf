"""What outsiders write is read without a stumble, nothing of it is lost, and no cell becomes a row.

A fixed budget of examples, the same ones each time; what once went wrong stands in `corpus/` and is tried first.
"""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from optkeeper.landing import addresses, document, excerpt
from optkeeper.sources.canonical_feed import read_events
from optkeeper.sources.files.tabular import BrokenFile, BrokenRow, Row, TableFormat, read_rows
from optkeeper.sources.stream import Broken, RawAddress, Received
from optkeeper.sources.vendor_files import _read_whole

CORPUS = Path(__file__).parent / "corpus"
EVENTS = sorted((CORPUS / "events").iterdir())
PACKED = CORPUS / "packed"
TABLES = sorted((CORPUS / "tables").iterdir())
BUDGET = settings(
    max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

_FORGED = "forged"
_cells = (
    st.text(alphabet='";,\\\n\r \t|aé0@', max_size=12)
    | st.just(f"x\n{_FORGED};a;b\n")
    | st.just(f'x"\n{_FORGED};a;b\n"')
)
_tables = st.lists(st.tuples(_cells, _cells, _cells), min_size=1, max_size=6)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _written(rows: list[tuple[str, ...]], **dialect: Any) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n", **dialect)
    writer.writerows([("een", "twee", "drie"), *rows])
    return text.getvalue().encode()


def _read(table: bytes, kind: str = "csv") -> list[Row | BrokenRow]:
    try:
        return list(
            _read_whole(read_rows(io.BytesIO(table), TableFormat(kind, delimiter=";" if kind == "csv" else "")))
        )
    except BrokenFile:
        return []


def _mutated(data: st.DataObject, original: bytes) -> bytes:
    """The bytes with some changed, taken away or put in."""
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        kind = data.draw(st.sampled_from(("change", "cut", "insert", "end")))
        if kind == "change" and changed:
            changed[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[at : at + data.draw(st.integers(1, 40))]
        elif kind == "insert":
            changed[at:at] = data.draw(st.binary(max_size=20) | st.sampled_from((b'"', b"\\", b"{", b"\x00", b"\n")))
        else:
            del changed[at:]
    return bytes(changed)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name)
def test_what_once_went_wrong_in_an_event_is_told_and_restricts(path: Path) -> None:
    raw = path.read_bytes()
    _check_events([raw])
    (item,) = list(read_events([raw], "feed.jsonl"))
    if b"withdrawn" in raw.replace(b"\x00", b"") or b"objection" in raw:
        named = (
            item.excerpts[0].event["contact"]["email"] if isinstance(item, Broken) else item.payload["contact"]["email"]
        )
        assert "anna@noord.example" in named


@given(st.lists(st.binary(max_size=200).map(lambda line: line.replace(b"\n", b"")), max_size=8))
@BUDGET
def test_each_line_of_a_feed_is_told_once_whatever_it_holds(lines: list[bytes]) -> None:
    _check_events(lines)


@given(st.data())
@BUDGET
def test_a_damaged_event_is_told_once(data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(EVENTS)).read_bytes()
    _check_events([_mutated(data, original).replace(b"\n", b"")])


@given(
    st.dictionaries(st.sampled_from(("event_id", "source", "type", "contact", "evidence", "machine", "brand")), _json)
)
@BUDGET
def test_an_event_of_any_shape_is_told_once(event: dict[str, Any]) -> None:
    _check_events([json.dumps(event).encode()])


def _check_events(lines: list[bytes]) -> None:
    items = list(read_events(lines, "feed.jsonl"))
    told = [line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line for number, line in enumerate(lines)]
    assert len(items) == len([line for line in told if line.strip()])
    for item in items:
        if isinstance(item, Received):
            _check_storable(item.payload)
        else:
            for part in item.excerpts:
                document.digest(part.event)
                assert excerpt.type_in(str(part.event["type"])) is not None
                assert len(part.source_id.encode()) <= excerpt.LONGEST_ID + 10


def _check_storable(payload: Any) -> None:
    try:
        document.canonical(payload)
    except document.MalformedDocument:
        document.digest(document.storable(payload))


_NOISE = st.text(alphabet="\"{}[]:,\\ \n'ax1", max_size=6)


@given(_NOISE, _NOISE, _NOISE, st.integers(0, 40))
@BUDGET
def test_a_type_and_an_address_that_stand_in_a_broken_line_restrict(
    before: str, between: str, after: str, cut: int
) -> None:
    text = f'{before}"type":"consent_withdrawn"{between},"contact":{{"email":"anna@noord.example"{after}'
    text = text[: len(text) - min(cut, len(after))].replace("\n", " ")
    (item,) = list(read_events([text.encode()], "feed.jsonl"))
    assert isinstance(item, Broken)
    assert any("anna@noord.example" in str(part.event) for part in item.excerpts), text


@given(_tables)
@BUDGET
def test_a_table_that_is_written_well_is_read_back_as_it_was(rows: list[tuple[str, ...]]) -> None:
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    read = _read(_written(rows, quoting=csv.QUOTE_ALL))
    if not any('\\"' in _written([row], quoting=csv.QUOTE_ALL).decode() for row in rows):
        assert [tuple(row.values.values()) for row in read if isinstance(row, Row)] == filled
        assert not [row for row in read if isinstance(row, BrokenRow)]
    else:  # a cell that ends in a backslash may be one that goes on: its row is told, never guessed
        assert {tuple(row.values.values()) for row in read if isinstance(row, Row)} <= set(filled)


@given(_tables, st.integers(1, 60))
@BUDGET
def test_a_table_that_was_cut_off_gives_no_row_out_of_a_cell(rows: list[tuple[str, ...]], cut: int) -> None:
    whole = _written(rows, quoting=csv.QUOTE_ALL)
    read = [tuple(row.values.values()) for row in _read(whole[:-cut]) if isinstance(row, Row)]
    # a quote that ends the file may be the first of two that stand for one: only the last cell can be shorter by it
    begun = {(*row[:2], row[2][:end]) for row in rows for end in range(len(row[2]))}
    assert set(read[:-1]) <= set(rows)
    assert set(read[-1:]) <= set(rows) | begun


@given(_tables, st.sampled_from(("backslash", "none")))
@BUDGET
@example([("", "", '"'), ("x\nforged;a;b\n", "", "")], "backslash")  # its record ends in a line that begins another
def test_a_table_that_escapes_its_quotes_wrongly_gives_no_row_out_of_a_cell(
    rows: list[tuple[str, ...]], how: str
) -> None:
    rows = [tuple(cell.replace("\r", "") for cell in row) for row in rows]
    mark = "\\" if how == "backslash" else ""
    lines = [
        ";".join('"' + cell.replace('"', mark + '"') + '"' for cell in row) for row in [("een", "twee", "drie"), *rows]
    ]
    if how == "none" and any('";' in cell or '"\n' in cell or cell.endswith('"') for row in rows for cell in row):
        return  # such a cell is written as the end of one: nobody can tell
    read = _read("\n".join(lines).encode() + b"\n")
    assert not [row for row in read if isinstance(row, Row) and row.values["een"].startswith(_FORGED)]


@given(st.text(alphabet='";\n\r \\ab', max_size=80))
@BUDGET
def test_each_line_of_a_table_is_told(text: str) -> None:
    _check_lines("een;twee\n" + text)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_what_once_went_wrong_in_a_table_is_told(path: Path) -> None:
    _check_lines(path.read_bytes().decode())


def _check_lines(text: str) -> None:
    held = io.StringIO(text, newline="").readlines()  # the ends that a table's lines may have
    try:
        rows = list(read_rows(io.BytesIO(text.encode()), TableFormat("csv", delimiter=";")))
    except BrokenFile:
        return
    told = "".join(
        "".join(row.values.values()) if isinstance(row, Row) else row.raw.decode("utf-8", "replace") for row in rows
    )
    signs = str.maketrans("", "", '";\n\r \t\\')
    first = next((number for number, line in enumerate(held) if line.translate(signs)), 0)
    lost = [
        line
        for line in held[first + 1 :]
        if line.translate(signs) and line.translate(signs) not in told.translate(signs)
    ]
    assert not lost or text.startswith('"')


@given(st.binary(max_size=300), st.sampled_from(("csv", "tsv", "jsonl", "xlsx")))
@BUDGET
def test_any_bytes_are_a_table_or_say_why_not(raw: bytes, kind: str) -> None:
    _read(raw, kind)


@pytest.mark.parametrize(("kind", "name"), [("xlsx", "book.xlsx"), ("csv", "archive.zip")])
@given(data=st.data())
@BUDGET
def test_a_damaged_workbook_or_archive_says_why_it_is_none(kind: str, name: str, data: st.DataObject) -> None:
    _read(_mutated(data, (PACKED / name).read_bytes()), kind)


@given(data=st.data())
@BUDGET
def test_a_workbook_whose_parts_are_damaged_says_why_it_is_none(data: st.DataObject) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(PACKED / "book.xlsx") as book, zipfile.ZipFile(written, "w") as damaged:
        chosen = data.draw(st.sampled_from(sorted(book.namelist())))
        for name in book.namelist():
            part = book.read(name)
            damaged.writestr(name, _mutated(data, part) if name == chosen else part)
    _read(written.getvalue(), "xlsx")


@given(st.text(max_size=60) | st.text(alphabet="@.+0123456789 ;,aé-()", max_size=40), st.text(max_size=5))
@BUDGET
def test_any_text_is_an_address_or_none_and_is_read_the_same_twice(text: str, country: str) -> None:
    read = addresses.email(text)
    assert read is None or addresses.email(read) == read
    number = addresses.phone(text, country)
    assert number is None or addresses.phone(number) == number
    for kind in ("email", "phone"):
        addresses.within(RawAddress(kind, text, country))
    addresses.postal({"postcode": text, "house_number": country, "country": text, "addition": country})


@given(_json)
@BUDGET
def test_what_can_be_stored_has_one_digest_however_it_is_written(value: Any) -> None:
    payload = document.storable({"held": value})
    again = document.decode(json.dumps(payload, default=str, ensure_ascii=True).encode())
    assert document.digest(document.storable(again)) == document.digest(payload)
