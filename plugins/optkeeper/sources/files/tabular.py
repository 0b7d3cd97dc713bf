"""Rows of delivered tables: CSV, TSV, XLSX, JSON Lines and zips of them, one at a time, as text as delivered."""

import codecs
import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any

from optkeeper.landing import document

LONGEST_RECORD = 1024 * 1024
LONGEST_LINES_IN_A_RECORD = 200
LARGEST_EXPANSION = 4 * 1024**3
LARGEST_RATIO = 200
MOST_ENTRIES = 10_000
_SAMPLE = 256 * 1024
_DELIMITERS = ";,\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: column name as delivered → text as delivered. `position` is its line or row number."""

    position: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, as delivered; the rows around it can."""

    position: int
    reason: str
    detail: str
    raw: bytes


class BrokenFile(Exception):
    """A file that cannot be read as a table at all. `reason` is a short code; the text names no content."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_rows(file: IO[bytes], kind: str, *, encoding: str = "", delimiter: str = "") -> Iterator[Row | BrokenRow]:
    """The rows of a table.

    Args:
        file: at its beginning; must be seekable.
        kind: `csv`, `tsv`, `xlsx` or `jsonl`; a zip that holds such files is read through.
        encoding: '' to recognise it: a byte order mark, else UTF-8, else Windows-1252.
        delimiter: '' to recognise it among ; , tab and |.

    Raises:
        BrokenFile: it cannot be read as such a table.
    """
    if file.read(4) == b"PK\x03\x04" and kind != "xlsx":
        file.seek(0)
        yield from _zipped(file, kind, encoding, delimiter)
        return
    file.seek(0)
    if not file.read(1):
        raise BrokenFile("empty_file", "The file is empty.")
    file.seek(0)
    if kind == "xlsx":
        yield from _sheet_rows(file)
    elif kind == "jsonl":
        yield from _json_rows(file)
    elif kind in ("csv", "tsv"):
        yield from _delimited_rows(file, encoding, "\t" if kind == "tsv" else delimiter)
    else:
        raise BrokenFile("unknown_format", "The registry names a format other than csv, tsv, xlsx or jsonl.")


def _recognised(file: IO[bytes]) -> str:
    """The encoding by its mark, else UTF-8 if the whole file is, else what Windows programs write."""
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(1024 * 1024):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def _recognised_delimiter(sample: str) -> str:
    """The sign that parts the header line most often, outside of quotes."""
    header = sample.splitlines()[0] if sample.splitlines() else ""
    unquoted = "".join(part for index, part in enumerate(header.split('"')) if index % 2 == 0)
    best = max(_DELIMITERS, key=unquoted.count)
    return best if best in unquoted else ";"


def _lines(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends; none longer than a record may be, so that a missing end holds no memory."""
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline="")
    try:
        while line := text.readline(LONGEST_RECORD):
            yield line
    except UnicodeDecodeError:
        raise BrokenFile("wrong_encoding", f"The file is not in its encoding, {encoding}.") from None
    finally:
        if not file.closed:
            text.detach()


def _records(lines: Iterator[str]) -> Iterator[tuple[int, str, bool]]:
    """Records with their first line's number: lines joined while a quote is open.

    A quote that never closes must not swallow the rest of the file: after so many lines, or at the end, its first line
    stands alone as broken, and reading goes on with the next.
    """
    number = 0
    waiting: list[str] = []
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        number += 1
        first, record, taken = number, line, 0
        while record.count('"') % 2:
            more = waiting[taken] if taken < len(waiting) else next(lines, None)
            if more is not None and taken >= len(waiting):
                waiting.append(more)
            if more is None or taken + 1 > LONGEST_LINES_IN_A_RECORD or len(record) + len(more) > LONGEST_RECORD:
                record, taken = line, -1
                break
            record += more
            taken += 1
        if taken == -1:
            yield first, record, False
            continue
        del waiting[:taken]
        number += taken
        yield first, record, True


def _delimited_rows(file: IO[bytes], encoding: str, delimiter: str) -> Iterator[Row | BrokenRow]:
    encoding = encoding or _recognised(file)
    if not delimiter:
        sample = file.read(_SAMPLE)
        file.seek(0)
        delimiter = _recognised_delimiter(sample.decode(encoding, errors="replace").lstrip("\ufeff"))
    records = _records(_lines(file, encoding))
    columns: list[str] | None = None
    for number, record, whole in records:
        if not record.strip("\r\n\x00 "):
            continue
        try:
            cells = next(csv.reader([record] if "\n" not in record.rstrip("\r\n") else io.StringIO(record, newline=""),
                                    delimiter=delimiter, strict=True))  # fmt: skip
        except (csv.Error, StopIteration):
            whole, cells = False, []
        if columns is None:
            columns = _columns(cells if whole else [])
            continue
        raw = record.rstrip("\r\n").encode()
        if not whole:
            yield BrokenRow(number, "malformed_row", "A quote in the row never closes or stands where none may.", raw)
        elif "\x00" in record:
            yield BrokenRow(number, "malformed_row", "The row holds the NUL character.", raw)
        elif len(cells) != len(columns):
            detail = f"The row has {len(cells)} cells, the header has {len(columns)}."
            yield BrokenRow(number, "wrong_number_of_cells", detail, raw)
        else:
            yield Row(number, dict(zip(columns, cells, strict=True)))
    if columns is None:
        raise BrokenFile("empty_file", "The file holds no header.")


def _columns(cells: list[str]) -> list[str]:
    names = [cell.strip().lstrip("\ufeff") for cell in cells]
    while names and not names[-1]:
        raise BrokenFile("malformed_header", "The last column of the header has no name.")
    if not names or not all(names):
        raise BrokenFile("malformed_header", "The header cannot be read, or a column of it has no name.")
    folded = [name.casefold() for name in names]
    if len(set(folded)) != len(folded):
        raise BrokenFile("malformed_header", "Two columns of the header have the same name.")
    return names


def _json_rows(file: IO[bytes]) -> Iterator[Row | BrokenRow]:
    number = 0
    while line := file.readline(LONGEST_RECORD + 1):
        number += 1
        text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if not text:
            continue
        try:
            value = document.decode(text)
        except document.MalformedDocument:
            yield BrokenRow(number, "malformed_json", "The line is not a whole JSON document in UTF-8.", text)
            continue
        if not isinstance(value, dict):
            yield BrokenRow(number, "malformed_json", "The line is not a JSON object.", text)
            continue
        yield Row(number, {str(name): _text(item) for name, item in value.items() if item is not None})


def _text(value: Any) -> str:
    """A cell's value as text: dates in ISO form, numbers exact, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict | list):
        return document.encode(value).decode()
    return str(value)


def _checked_zip(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError):
        raise BrokenFile("malformed_archive", "The archive cannot be opened.") from None
    entries = archive.infolist()
    expanded = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if (
        len(entries) > MOST_ENTRIES
        or expanded > LARGEST_EXPANSION
        or (expanded > 64 * 1024**2 and expanded / packed > LARGEST_RATIO)
    ):
        raise BrokenFile("archive_too_large", "The archive would expand to more than is allowed.")
    return archive


def _zipped(file: IO[bytes], kind: str, encoding: str, delimiter: str) -> Iterator[Row | BrokenRow]:
    with _checked_zip(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
        if not entries:
            raise BrokenFile("empty_file", "The archive holds no file.")
        for entry in entries:
            if entry.flag_bits & 1:
                raise BrokenFile("malformed_archive", "The archive is encrypted.")
            with archive.open(entry) as packed, tempfile.TemporaryFile() as spool:
                _copy_at_most(packed, spool, min(entry.file_size, LARGEST_EXPANSION))
                spool.seek(0)
                if spool.read(4) == b"PK\x03\x04" and kind != "xlsx":
                    raise BrokenFile("nested_archive", "The archive holds another archive.")
                spool.seek(0)
                yield from read_rows(spool, kind, encoding=encoding, delimiter=delimiter)


def _copy_at_most(source: IO[bytes], target: IO[bytes], size: int) -> None:
    try:
        shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, OSError, EOFError):
        raise BrokenFile("malformed_archive", "A file of the archive cannot be read.") from None
    if target.tell() > size:
        raise BrokenFile("archive_too_large", "A file of the archive is larger than it says.")


def _sheet_rows(file: IO[bytes]) -> Iterator[Row | BrokenRow]:
    import openpyxl

    with _checked_zip(file) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith((".xml", ".rels")):
                with archive.open(entry) as part:
                    beginning = part.read(8192)
                    if b"<!DOCTYPE" in beginning or b"<!ENTITY" in beginning:
                        raise BrokenFile("unsafe_document", "The workbook declares XML entities.")
    file.seek(0)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception:
        raise BrokenFile("malformed_workbook", "The file is not a workbook that can be read.") from None
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise BrokenFile("empty_file", "The workbook has no visible sheet.")
        columns: list[str] | None = None
        for number, cells in enumerate(sheets[0].iter_rows(values_only=True), 1):
            values = [_text(cell) for cell in cells]
            while values and not values[-1].strip():
                values.pop()
            if not values:
                continue
            if columns is None:
                columns = _columns(values)
            elif len(values) > len(columns):
                detail = f"The row has {len(values)} cells, the header has {len(columns)}."
                yield BrokenRow(number, "wrong_number_of_cells", detail, document.encode(values))
            else:
                yield Row(number, dict(zip(columns, values + [""] * (len(columns) - len(values)), strict=True)))
        if columns is None:
            raise BrokenFile("empty_file", "The first visible sheet is empty.")
    finally:
        book.close()
