"""Rows of delivered tables: CSV, TSV, XLSX, JSON Lines and zips of them, one at a time, as text as delivered."""

import codecs
import csv
import io
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any
from xml.parsers import expat

from optkeeper.landing import document

LONGEST_RECORD = 1024 * 1024
LONGEST_LINES_IN_A_RECORD = 200
LARGEST_EXPANSION = 4 * 1024**3
LARGEST_WORKBOOK = 1024**3
# a workbook's texts are held in memory while its rows are read
LARGEST_SHARED_STRINGS = 128 * 1024**2
LARGEST_RATIO = 200
MOST_ENTRIES = 10_000
MOST_SHEET_ROWS = 1_048_576
_SAMPLE = 256 * 1024
_KEPT_OF_TOO_LONG = 64 * 1024
_DELIMITERS = ";,\t|"
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_PROLOG_CHUNK = 8192
_LONGEST_PROLOG = 1024 * 1024
_WORKBOOK_MARK = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: column name as delivered → text as delivered.

    `position` is its line or row number; `part` the number of the file in an archive, 0 where there is no archive.
    """

    position: int
    values: Mapping[str, str]
    part: int = 0


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, as delivered; the rows around it can. Position 0: a whole file of an archive."""

    position: int
    reason: str
    detail: str
    raw: bytes
    part: int = 0
    column: str | None = None


class BrokenFile(Exception):
    """A file that cannot be read as a table at all. `reason` is a short code; the text names no content."""

    def __init__(self, reason: str, detail: str, column: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True)
class _Table:
    """How the table at hand is read: its place in an archive and the columns that it must have."""

    required: Collection[str]
    part: int = 0


def read_rows(
    file: IO[bytes], kind: str, *, encoding: str = "", delimiter: str = "", required: Collection[str] = ()
) -> Iterator[Row | BrokenRow]:
    """The rows of a table.

    Args:
        file: at its beginning; must be seekable.
        kind: `csv`, `tsv`, `xlsx` or `jsonl`; a zip that holds such files is read through.
        encoding: '' to recognise it: a byte order mark, else UTF-8, else Windows-1252.
        delimiter: '' to recognise it among ; , tab and |.
        required: columns that the header must name, compared trimmed and case-folded; JSON Lines have no header.

    Raises:
        BrokenFile: it cannot be read as such a table, or a required column is missing.
    """
    if kind not in ("csv", "tsv", "xlsx", "jsonl"):
        raise BrokenFile("unknown_format", "The registry names a format other than csv, tsv, xlsx or jsonl.")
    start = file.read(4)
    file.seek(0)
    if not start:
        raise BrokenFile("empty_file", "The file is empty.")
    if start == b"PK\x03\x04":
        with _checked_zip(file) as archive:
            if kind != "xlsx" and _WORKBOOK_MARK in archive.namelist():
                raise BrokenFile("wrong_format", f"The file is a workbook, the registry says {kind}.")
            if kind != "xlsx" or _WORKBOOK_MARK not in archive.namelist():
                yield from _zipped(archive, kind, encoding, delimiter, required)
                return
        file.seek(0)
    yield from _table_rows(file, kind, encoding, delimiter, _Table(required))


def _table_rows(file: IO[bytes], kind: str, encoding: str, delimiter: str, table: _Table) -> Iterator[Row | BrokenRow]:
    if kind == "xlsx":
        yield from _sheet_rows(file, table)
    elif kind == "jsonl":
        yield from _json_rows(file, table)
    else:
        yield from _delimited_rows(file, encoding, "\t" if kind == "tsv" else delimiter, table)


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


def _lines(file: IO[bytes], encoding: str) -> Iterator[tuple[str, bool]]:
    """Lines with their ends, and whether each is whole: one that is longer than a record may be is cut."""
    # a byte that is no character of the encoding breaks its row, not the file
    errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        while line := text.readline(LONGEST_RECORD):
            if len(line) < LONGEST_RECORD or line.endswith(("\n", "\r")):
                yield line, True
                continue
            yield line[:_KEPT_OF_TOO_LONG], False
            while (more := text.readline(LONGEST_RECORD)) and not more.endswith(("\n", "\r")):
                pass
    except UnicodeError:
        raise BrokenFile("wrong_encoding", f"The file is not in its encoding, {encoding}.") from None
    finally:
        if not file.closed:
            text.detach()


def _is_open(line: str, delimiter: str, is_open: bool) -> bool:
    """Whether a quoted cell is open at the end of a line, given whether one was at its beginning.

    A quote opens a cell only where the cell begins: 12" stands for inches.
    """
    at = 0
    while True:
        if is_open or line.startswith('"', at):
            at = at if is_open else at + 1
            while True:
                at = line.find('"', at)
                if at < 0:
                    return True
                if not line.startswith('"', at + 1):
                    break
                at += 2
            is_open = False
            at += 1
        at = line.find(delimiter, at)
        if at < 0:
            return False
        at += 1


def _records(lines: Iterator[tuple[str, bool]], delimiter: str) -> Iterator[tuple[int, list[str] | None, str, bool]]:
    """Records: the first line's number, the cells (None: unreadable), the text, and whether that is whole.

    A quote that never closes must not swallow the rest of the file: where joining lines makes no record within bounds,
    the first line stands alone as broken, and reading goes on with the next.
    """
    number = 0
    waiting: deque[tuple[str, bool]] = deque()
    while line := waiting.popleft() if waiting else next(lines, None):
        number += 1
        first, whole = line
        if not whole or '"' not in first:
            yield number, first.rstrip("\r\n").split(delimiter) if whole else None, first, whole
            continue
        joined, length, is_open = [first], len(first), _is_open(first, delimiter, False)
        while is_open and len(joined) < LONGEST_LINES_IN_A_RECORD:
            if len(joined) > len(waiting):
                following = next(lines, None)
                if following is None:
                    break
                waiting.append(following)
            more, more_is_whole = waiting[len(joined) - 1]
            length += len(more)
            if not more_is_whole or length > LONGEST_RECORD:
                break
            joined.append(more)
            is_open = _is_open(more, delimiter, True)
        cells = None if is_open else _cells("".join(joined), delimiter)
        if cells is None:
            yield number, None, first, True
            continue
        for _ in joined[1:]:
            waiting.popleft()
        yield number, cells, "".join(joined), True
        number += len(joined) - 1


def _cells(record: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


def _delimited_rows(file: IO[bytes], encoding: str, delimiter: str, table: _Table) -> Iterator[Row | BrokenRow]:
    encoding = encoding or _recognised(file)
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"  # the same, but for a byte order mark
    if not delimiter:
        sample = file.read(_SAMPLE)
        file.seek(0)
        delimiter = _recognised_delimiter(sample.decode(encoding, errors="replace"))
    written = "utf-8" if encoding == "utf-8-sig" else encoding
    columns: list[str] | None = None
    for number, cells, record, whole in _records(_lines(file, encoding), delimiter):
        # rows without any content are what spreadsheets leave below a table
        if whole and cells is not None and not any(cell.strip() for cell in cells):
            continue
        undecodable = not record.isascii() and _UNDECODABLE.search(record) is not None
        if columns is None:
            if undecodable:
                raise BrokenFile("wrong_encoding", f"The header is not in its encoding, {written}.")
            columns = _columns(cells or [], table.required)
            continue

        if not whole:
            reason, detail = "record_too_long", "The row is too long to be read; its beginning is kept."
        elif cells is None:
            reason, detail = "malformed_row", "A quote in the row never closes or stands where none may."
        elif "\x00" in record:
            reason, detail = "malformed_row", "The row holds the NUL character."
        elif undecodable:
            reason, detail = "wrong_encoding", f"The row is not in its encoding, {written}."
        elif len(cells) < len(columns) and not record.endswith(("\n", "\r")):
            reason, detail = "malformed_row", "The file ends within the row."
        elif len(cells) != len(columns):
            reason = "wrong_number_of_cells"
            detail = f"The row has {len(cells)} cells, the header has {len(columns)}."
        else:
            yield Row(number, dict(zip(columns, cells, strict=True)), table.part)
            continue
        raw = record.rstrip("\r\n").encode(written, errors="surrogateescape")
        yield BrokenRow(number, reason, detail, raw, table.part)
    if columns is None:
        raise BrokenFile("empty_file", "The file holds no header.")


def _folded(column: str) -> str:
    return column.strip().casefold()


def _columns(cells: list[str], required: Collection[str]) -> list[str]:
    """The columns that a header names.

    Raises:
        BrokenFile: it cannot be read, a name is empty or stands twice, or a required one is missing.
    """
    names = [cell.strip() for cell in cells]
    if not names or any("\x00" in name for name in names):
        raise BrokenFile("malformed_header", "The header cannot be read.")
    if not all(names):
        raise BrokenFile("malformed_header", f"Column {names.index('') + 1} of the header has no name.")
    folded = [_folded(name) for name in names]
    for at, name in enumerate(folded):
        if name in folded[:at]:
            detail = f"Columns {folded.index(name) + 1} and {at + 1} of the header have the same name."
            raise BrokenFile("malformed_header", detail)
    for column in required:
        if _folded(column) not in folded:
            raise BrokenFile("missing_column", f"The required column {column} is missing.", column)
    return names


def _json_rows(file: IO[bytes], table: _Table) -> Iterator[Row | BrokenRow]:
    number = 0
    while line := file.readline(LONGEST_RECORD):
        number += 1
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            while (more := file.readline(LONGEST_RECORD)) and not more.endswith(b"\n"):
                pass
            detail = "The line is too long to be read; its beginning is kept."
            yield BrokenRow(number, "record_too_long", detail, line[:_KEPT_OF_TOO_LONG], table.part)
            continue
        text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if not text:
            continue
        try:
            value = document.decode(text)
        except document.MalformedDocument:
            detail = "The line is not a whole JSON document in UTF-8."
            yield BrokenRow(number, "malformed_json", detail, text, table.part)
            continue
        if not isinstance(value, dict):
            yield BrokenRow(number, "malformed_json", "The line is not a JSON object.", text, table.part)
            continue
        values = {str(name).strip(): _text(item) for name, item in value.items() if item is not None}
        if len({_folded(str(name)) for name in value}) != len(value):
            detail = "Two fields of the object have the same name."
            yield BrokenRow(number, "malformed_json", detail, text, table.part)
        elif "\x00" in "".join((*values, *values.values())):
            yield BrokenRow(number, "malformed_row", "The row holds the NUL character.", text, table.part)
        else:
            yield Row(number, values, table.part)
    if number == 0:
        raise BrokenFile("empty_file", "The file is empty.")


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
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, dict | list):
        return document.encode(value).decode()
    return str(value)


def _checked_zip(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
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


def _zipped(
    archive: zipfile.ZipFile, kind: str, encoding: str, delimiter: str, required: Collection[str]
) -> Iterator[Row | BrokenRow]:
    """The rows of each file of an archive; a file that cannot be read leaves the others."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
    if not entries:
        raise BrokenFile("empty_file", "The archive holds no file.")
    for part, entry in enumerate(entries, 1):
        with tempfile.TemporaryFile() as spool:
            _expand(archive, entry, spool)
            try:
                start = spool.read(4)
                spool.seek(0)
                if not start:
                    raise BrokenFile("empty_file", "The file is empty.")
                if start == b"PK\x03\x04" and (kind != "xlsx" or not _is_workbook(spool)):
                    raise BrokenFile("nested_archive", "The archive holds another archive.")
                yield from _table_rows(spool, kind, encoding, delimiter, _Table(required, part))
            except BrokenFile as broken:
                raw = f"{entry.CRC:08x} {entry.file_size}".encode()
                yield BrokenRow(0, broken.reason, str(broken), raw, part, broken.column)


def _is_workbook(file: IO[bytes]) -> bool:
    with _checked_zip(file) as archive:
        is_workbook = _WORKBOOK_MARK in archive.namelist()
    file.seek(0)
    return is_workbook


def _expand(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: IO[bytes]) -> None:
    """Copies what an entry holds; zipfile itself reads no more than the entry says, which has been checked."""
    if entry.flag_bits & 1:
        raise BrokenFile("malformed_archive", "The archive is encrypted.")
    try:
        with archive.open(entry) as packed:
            shutil.copyfileobj(packed, target)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
        raise BrokenFile("malformed_archive", "A file of the archive cannot be read.") from None
    target.seek(0)


class _DeclaresDoctype(Exception):
    pass


class _RootReached(Exception):
    pass


def _refuse_doctype(part: IO[bytes]) -> None:
    """Refuses a document type, without which XML has no entities; it can only stand before the root element.

    Raises:
        BrokenFile: the part declares one.
    """

    def doctype(*_: Any) -> None:
        raise _DeclaresDoctype

    def root(*_: Any) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    read = 0
    try:
        while chunk := part.read(_PROLOG_CHUNK):
            parser.Parse(chunk, False)
            read += len(chunk)
            if read > _LONGEST_PROLOG:
                raise BrokenFile("unsafe_document", "A part of the workbook never begins.")
    except _DeclaresDoctype:
        raise BrokenFile("unsafe_document", "The workbook declares XML entities.") from None
    except (_RootReached, expat.ExpatError):
        return  # a picture and the like is no XML at all


def _check_workbook(file: IO[bytes]) -> None:
    """Refuses a workbook that is not safe to open.

    Raises:
        BrokenFile: it is too large, cannot be read, or declares entities.
    """
    with _checked_zip(file) as archive:
        entries = archive.infolist()
        strings = sum(entry.file_size for entry in entries if "sharedstrings" in entry.filename.lower())
        if strings > LARGEST_SHARED_STRINGS or sum(entry.file_size for entry in entries) > LARGEST_WORKBOOK:
            raise BrokenFile("archive_too_large", "The workbook would expand to more than is allowed.")
        try:
            for entry in entries:
                with archive.open(entry) as part:
                    _refuse_doctype(part)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
            raise BrokenFile("malformed_workbook", "The file is not a workbook that can be read.") from None
    file.seek(0)


def _sheet_rows(file: IO[bytes], table: _Table) -> Iterator[Row | BrokenRow]:
    columns: list[str] | None = None
    for number, values in _sheet_texts(file):
        if columns is None:
            columns = _columns(values, table.required)
        elif len(values) > len(columns):
            detail = f"The row has {len(values)} cells, the header has {len(columns)}."
            yield BrokenRow(number, "wrong_number_of_cells", detail, document.encode(values), table.part)
        else:
            # a sheet knows no cells behind the last one that is filled
            values += [""] * (len(columns) - len(values))
            yield Row(number, dict(zip(columns, values, strict=True)), table.part)
    if columns is None:
        raise BrokenFile("empty_file", "The first visible sheet is empty.")


def _sheet_texts(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The filled rows of the first visible sheet, with their numbers; formulas as they were last computed."""
    import openpyxl

    _check_workbook(file)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception:  # openpyxl raises whatever the damage leads to
        raise BrokenFile("malformed_workbook", "The file is not a workbook that can be read.") from None
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise BrokenFile("empty_file", "The workbook has no visible sheet.")
        # some programs write a wrong extent, which would hide columns
        sheets[0].reset_dimensions()
        rows = enumerate(sheets[0].iter_rows(values_only=True), 1)
        while True:
            try:
                number, cells = next(rows, (0, ()))
            except Exception:
                raise BrokenFile("malformed_workbook", "A row of the workbook cannot be read.") from None
            if number == 0:
                return
            if number > MOST_SHEET_ROWS:
                raise BrokenFile("malformed_workbook", "The sheet has more rows than a sheet can have.")
            values = [_text(cell) for cell in cells]
            while values and not values[-1].strip():
                values.pop()
            if values:
                yield number, values
    finally:
        book.close()
