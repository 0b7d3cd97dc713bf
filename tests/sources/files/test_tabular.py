import io
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from optkeeper.sources.files.tabular import LONGEST_RECORD, BrokenFile, BrokenRow, Row, TableFormat, read_rows


def _read(
    text: bytes, kind: str = "csv", *, encoding: str = "", delimiter: str = "", **options: Any
) -> list[Row | BrokenRow]:
    return list(read_rows(io.BytesIO(text), TableFormat(kind, encoding, delimiter), **options))


def _values(text: bytes, kind: str = "csv", **options: Any) -> list[dict[str, str]]:
    return [dict(row.values) for row in _read(text, kind, **options) if isinstance(row, Row)]


def _workbook(*rows: tuple[Any, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _zip(**files: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return written.getvalue()


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_recognised(delimiter: str, encoding: str) -> None:
    text = delimiter.join(("Naam", "Bedrag")) + "\r\n" + delimiter.join(("Zoë", '"1.234,50"')) + "\r\n"
    assert _values(text.encode(encoding)) == [{"Naam": "Zoë", "Bedrag": "1.234,50"}]


def test_a_delimiter_within_quotes_of_the_header_does_not_count() -> None:
    assert _values(b'"Naam, voluit, of zo";Plaats\nAnna;Delft\n') == [
        {"Naam, voluit, of zo": "Anna", "Plaats": "Delft"}
    ]


def test_a_quoted_value_may_hold_line_ends_and_quotes() -> None:
    assert _values(b'a;b\n"x\ny;""z""";2\n') == [{"a": 'x\ny;"z"', "b": "2"}]


def test_a_truncated_last_line_is_broken_and_the_rest_is_read() -> None:
    rows = _read(b'a;b\n1;2\n3;"4')
    assert rows[0] == Row(2, {"a": "1", "b": "2"})
    assert isinstance(rows[1], BrokenRow)
    assert (rows[1].position, rows[1].reason, rows[1].raw) == (3, "malformed_row", b'3;"4')


def test_what_stands_behind_a_quote_that_never_closes_is_told_line_by_line_and_never_read_as_rows() -> None:
    # the end of the file may have been lost within the cell, and then its lines are no rows
    rows = _read(b'a;b\n0;0\n1;"2\n3;4\n5;6\n')
    assert rows[0] == Row(2, {"a": "0", "b": "0"})
    assert [(row.position, row.reason) for row in rows if isinstance(row, BrokenRow)] == [
        (3, "malformed_row"), (4, "inside_broken_quote"), (5, "inside_broken_quote"),
    ]  # fmt: skip


@pytest.mark.parametrize("lines", [3, 203, 5_000])
def test_a_cell_of_many_lines_is_one_cell(lines: int) -> None:
    forged = "9;consent\n" * lines
    rows = _read(f'a;b\n1;"{forged}"\n2;x\n'.encode())
    assert rows == [Row(2, {"a": "1", "b": forged}), Row(3 + lines, {"a": "2", "b": "x"})]


def test_a_cell_that_is_too_long_costs_its_record_up_to_its_closing_quote() -> None:
    lines = LONGEST_RECORD // 10 + 5
    rows = _read(('a;b\n1;"' + "9;consent\n" * lines + 'end"\n2;x\n').encode())
    assert [row for row in rows if isinstance(row, Row)] == [Row(3 + lines, {"a": "2", "b": "x"})]
    broken = [row for row in rows if isinstance(row, BrokenRow)]
    assert [row.position for row in broken] == list(range(2, 3 + lines))
    assert broken[0].reason == "record_too_long"


def test_a_line_that_is_too_long_and_ends_within_a_cell_hides_no_row_behind_it() -> None:
    rows = _read(b'a;b\n1;"' + b"x" * (LONGEST_RECORD + 10) + b'\n9;consent\n9;"";consent"\n2;y\n')
    assert [row for row in rows if isinstance(row, Row)] == [Row(5, {"a": "2", "b": "y"})]


@pytest.mark.parametrize(
    "cell",
    ['"Bedrijf "X\n9;consent\n"', r'"Bedrijf \"' + '\n9;consent\n"', '"a"b\n9;consent\nc"', '"a" b\n9;consent\n""c"'],
)
def test_a_quote_that_stands_askew_breaks_all_lines_up_to_where_its_cell_may_end(cell: str) -> None:
    rows = _read(f"a;b\n1;{cell}\n2;x\n".encode())
    assert [row for row in rows if isinstance(row, Row)] == [Row(2 + 1 + cell.count(chr(10)), {"a": "2", "b": "x"})]
    assert [row.position for row in rows if isinstance(row, BrokenRow)] == list(range(2, 3 + cell.count("\n")))


@pytest.mark.parametrize("cell", ['"De "Gouden" Leeuw"', '"De Gouden" Leeuw', '"12" monitor"'])
def test_a_quote_that_stands_askew_costs_its_line_only_where_no_later_quote_could_end_it(cell: str) -> None:
    rows = _read(f"a;b\n1;{cell}\n2;x\n3;y\n".encode())
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == ["malformed_row"]
    assert [row.values["a"] for row in rows if isinstance(row, Row)] == ["2", "3"]


def test_ten_thousand_broken_quotes_take_no_longer_than_so_many_rows() -> None:
    started = time.perf_counter()
    rows = _read(b"a;b\n" + b'1;"a" b\n' * 50_000)
    assert len(rows) == 50_000
    assert time.perf_counter() - started < 20  # a quadratic reading took forty


@pytest.mark.parametrize("line", [b"1", b"1;2;3"])
def test_a_row_with_too_few_or_many_cells_is_broken_with_its_line(line: bytes) -> None:
    rows = _read(b"a;b\n" + line + b"\n5;6\n")
    assert isinstance(rows[0], BrokenRow)
    assert (rows[0].position, rows[0].reason) == (2, "wrong_number_of_cells")
    assert rows[1] == Row(3, {"a": "5", "b": "6"})


def test_a_header_only_gives_no_rows() -> None:
    assert _read(b"Naam;E-mailadres\r\n") == []
    assert _read(_workbook(("Naam", "E-mail")), "xlsx") == []


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (b"", "csv", "empty_file"), (b"\n\n", "csv", "empty_file"), (b"a;A \n1;2\n", "csv", "malformed_header"),
        (b"PK\x03\x04nonsense", "csv", "malformed_archive"),
        (b"nonsense", "xlsx", "malformed_archive"), (_workbook(("a",)), "csv", "wrong_format"),
        (b"a\n1\n", "docx", "unknown_format"), (_workbook(), "xlsx", "empty_file"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_table_says_why(text: bytes, kind: str, reason: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        _read(text, kind)
    assert broken.value.reason == reason


def test_nul_bytes_break_their_row_only() -> None:
    rows = _read(b"a;b\n1;\x00\n3;4\n")
    assert isinstance(rows[0], BrokenRow)
    assert rows[1] == Row(3, {"a": "3", "b": "4"})


def test_a_zip_is_read_through() -> None:
    assert _values(_zip(one_csv=b"a\n1\n", two_csv=b"a\n2\n")) == [{"a": "1"}, {"a": "2"}]


def test_a_zip_bomb_is_refused_before_it_expands() -> None:
    bomb = _zip(bomb_csv=b"a\n" + b"0" * 80 * 1024**2)
    with pytest.raises(BrokenFile) as broken:
        _read(bomb)
    assert broken.value.reason == "archive_too_large"


def test_a_workbook_with_xml_entities_is_refused() -> None:
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    written = io.BytesIO(_workbook(("a",), (1,)))
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("xl/evil.xml", entity)
    with pytest.raises(BrokenFile) as broken:
        _read(written.getvalue(), "xlsx")
    assert broken.value.reason == "unsafe_document"


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_a_workbook_in_an_encoding_that_nobody_knows_says_so(part: str) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook(("a",), ("x",)))) as book, zipfile.ZipFile(written, "w") as renamed:
        for name in book.namelist():
            text = book.read(name)
            renamed.writestr(
                name, b'<?xml version="1.0" encoding="x-none"?>' + text.split(b"?>", 1)[-1] if name == part else text
            )
    with pytest.raises(BrokenFile) as broken:
        _read(written.getvalue(), "xlsx")
    assert broken.value.reason == "malformed_workbook"


def test_a_workbook_with_a_text_longer_than_a_cell_is_refused_before_it_is_held() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook(("a",), ("x",)))) as book, zipfile.ZipFile(written, "w") as long:
        for name in book.namelist():
            text = book.read(name)
            long.writestr(name, text.replace(b"<row", b"<!--" + b"x" * 2_000_000 + b"--><row", 1))
    with pytest.raises(BrokenFile) as broken:
        _read(written.getvalue(), "xlsx")
    assert broken.value.reason == "unsafe_document"


def test_cells_of_a_workbook_are_texts_with_real_dates_and_exact_numbers() -> None:
    text = _workbook(
        ("Datum", "Moment", "Bedrag", "Aantal", "Ja", "Formule"),
        (date(2026, 8, 31), datetime(2026, 8, 31, 14, 5), 1234.5, 3, True, "=1+1"),
        (None, None, None, None, None, None),
    )
    assert _values(text, "xlsx") == [
        {"Datum": "2026-08-31", "Moment": "2026-08-31 14:05:00", "Bedrag": "1234.5", "Aantal": "3", "Ja": "true"}
        | {"Formule": ""}
    ]


def test_json_lines_keep_exact_numbers_and_break_line_by_line() -> None:
    rows = _read(b'\xef\xbb\xbf{"id": 12345678901234567890, "n": 1.50, "x": null}\n{"id"\n[1]\n', "jsonl")
    assert rows[0] == Row(1, {"id": "12345678901234567890", "n": "1.50"})
    assert [row.reason for row in rows[1:] if isinstance(row, BrokenRow)] == ["malformed_json", "malformed_json"]


class _Endless(io.RawIOBase):
    """A large file that is never in memory."""

    def __init__(self, lines: int) -> None:
        self._lines, self._at, self._rest = lines, 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at, self._rest = 0, b""
        return 0

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer) and self._at < self._lines:
            self._at += 1
            self._rest += (
                b"Nummer;Naam;E-mail\n"
                if self._at == 1
                else b"%d;Zo\xeb de Vries;p%d@noord.example\n" % (self._at, self._at)
            )
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(lines: int) -> int:
        file = io.BufferedReader(_Endless(lines))
        tracemalloc.start()
        rows: Iterator[Row | BrokenRow] = read_rows(file, TableFormat("csv"))
        assert sum(1 for _ in rows) == lines - 1
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    small, large = peak(20_000), peak(120_000)
    assert large < small * 1.5 + 1_000_000
