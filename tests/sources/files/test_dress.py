"""How a table is dressed says nothing of its rows."""

import io
import zipfile
from typing import Any

import openpyxl
import pytest
from optkeeper.sources.files.tabular import BrokenFile, BrokenRow, Row, TableFormat, read_rows

ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


def _read(text: bytes, kind: str = "csv", delimiter: str = "", **options: Any) -> list[Row | BrokenRow]:
    return list(read_rows(io.BytesIO(text), TableFormat(kind, "", delimiter), **{"required": ["a"], **options}))


def _values(rows: list[Row | BrokenRow]) -> list[dict[str, str]]:
    return [dict(row.values) for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    "text",
    [
        b"sep=;\na;b\n1;x\n2;y\n", b"\xef\xbb\xbfSEP=;\r\na;b\r\n1;x\r\n2;y\r\n", b'"sep=,"\na,b\n1,x\n2,y\n',
        b"sep=\t\na\tb\n1\tx\n2\ty\n", b"a;b;\n1;x;\n2;y;\n", b"a;b\n1;x;\n2;y;;\n", b"a;b;;\n1;x\n2;y\n",
        b"a;b\n1;x\na;b\n2;y\n", b"a;b\n1;x\n\nB;A\ny;2\n", b"a;b;\n1;x;\na;b;\n2;y;\n",
        b"a;b\n1;x\n\xef\xbb\xbfa;b\n2;y\n",
    ],
)  # fmt: skip
def test_a_dressed_table_holds_its_rows_and_no_more(text: bytes) -> None:
    rows = _read(text)
    assert _values(rows) == ROWS
    assert len(rows) == 2


def test_a_separator_line_says_more_than_the_registry() -> None:
    assert _values(_read(b"sep=,\na,b\n1,x\n2,y\n", delimiter=";")) == ROWS


def test_a_delimiter_that_the_header_does_not_use_is_recognised() -> None:
    assert _values(_read(b"a,b\n1,x\n2,y\n", delimiter=";")) == ROWS


def test_rows_above_the_header_are_told_and_are_no_rows() -> None:
    rows = _read(b"Afmeldingen week 35;;\n\nStand: 31-08-2026\na;b\n1;x\n2;y\n")
    assert _values(rows) == ROWS
    assert [(row.position, row.reason) for row in rows if isinstance(row, BrokenRow)] == [
        (1, "above_header"), (3, "above_header"),
    ]  # fmt: skip


def test_a_row_with_more_cells_than_columns_is_broken_still() -> None:
    (broken,) = _read(b"a;b\n1;x;3\n")
    assert isinstance(broken, BrokenRow)
    assert broken.reason == "wrong_number_of_cells"


def test_a_column_without_a_name_is_called_by_its_place() -> None:
    assert _values(_read(b";a\n0;1\n")) == [{"column 1": "0", "a": "1"}]


def test_a_row_that_only_looks_like_a_header_is_a_row() -> None:
    assert _values(_read(b"a;b\na;x\na;a\n")) == [{"a": "a", "b": "x"}, {"a": "a", "b": "a"}]


def test_a_header_within_a_quoted_cell_is_none() -> None:
    rows = _read(b'"note\na;b\n9;z\n";\na;b\n1;x\n')
    assert {"a": "9", "b": "z"} not in _values(rows)


def test_a_workbook_is_read_below_its_title_and_past_its_second_header() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (("Afmeldingen", None), (), ("a", "b"), (1, "x"), ("a", "b"), (2, "y")):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    rows = _read(file.getvalue(), "xlsx")
    assert _values(rows) == ROWS
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == ["above_header"]


def test_a_table_without_its_column_tells_which() -> None:
    with pytest.raises(BrokenFile, match="required column a is missing") as missing:
        _read(b"c;b\n1;x\n")
    assert missing.value.column == "a"


def test_each_file_of_an_archive_is_read_as_its_own_row_says() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export/nl_1.csv", "a;b\n1;x\n")
        archive.writestr("de_1.csv", "a|b\n2|y\n")
        archive.writestr("unsubscribed.csv", "a;b\n3;z\n")
    kinds = {"nl_1.csv": TableFormat("csv", delimiter=";"), "de_1.csv": TableFormat("csv", delimiter="|")}
    rows = _read(packed.getvalue(), written_within=kinds.get)
    assert _values(rows) == ROWS
    assert [(row.entry, row.part) for row in rows] == [("nl_1.csv", 1), ("de_1.csv", 2), ("unsubscribed.csv", 3)]
    assert isinstance(rows[2], BrokenRow)
    assert rows[2].reason == "unregistered_file"
