"""Rows of delivered tables: CSV, TSV, XLSX, JSON Lines and zips of them, one at a time, as text as delivered."""

import codecs
import csv
import io
import posixpath
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any
from xml.parsers import expat

from optkeeper.landing import document

LONGEST_RECORD = 1024 * 1024
LARGEST_EXPANSION = 4 * 1024**3
LARGEST_WORKBOOK = 1024**3
# a workbook's texts are held in memory while its rows are read, some three times as large
LARGEST_SHARED_STRINGS = 48 * 1024**2
LONGEST_TEXT_OF_A_WORKBOOK = 1024 * 1024
LARGEST_RATIO = 200
MOST_ENTRIES = 10_000
MOST_SHEET_ROWS = 1_048_576
_SAMPLE = 256 * 1024
_KEPT_OF_TOO_LONG = 64 * 1024
_DELIMITERS = ";,\t|"
_HIGHEST_HEADER = 30  # lines
_LINE_END = re.compile("\r\n|\n|\r")
_SEPARATOR = re.compile(r'^\ufeff?"?sep=(\\t|.)"?[;,\t|]*\s*$', re.IGNORECASE)
_ABOVE_HEADER = "The row stands above the header."
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_PROLOG_CHUNK = 8192
_LONGEST_PROLOG = 1024 * 1024
_WORKBOOK_MARK = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: column name as delivered → text as delivered.

    `position` is its line or row number; `part` the number of the file in an archive, 0 where there is no archive, and
    `entry` that file's name.
    """

    position: int
    values: Mapping[str, str]
    part: int = 0
    entry: str = ""


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, as delivered; the rows around it can. Position 0: a whole file of an archive.

    `values` and `text` are what can be told of its cells, and of all that it holds.
    """

    position: int
    reason: str
    detail: str
    raw: bytes
    part: int = 0
    column: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    entry: str = ""


class BrokenFile(Exception):
    """A file that cannot be read as a table at all. `reason` is a short code; the text names no content."""

    def __init__(self, reason: str, detail: str, column: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How a table is written.

    `kind` is `csv`, `tsv`, `xlsx` or `jsonl`, or '' to recognise it; `encoding` '' to recognise it: a byte order mark,
    else UTF-8, else Windows-1252; `delimiter` '' to recognise it among ; , tab and |.
    """

    kind: str
    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """How the table at hand is read: its place in an archive and the columns that it must have."""

    required: Collection[str]
    one_of: Collection[str] = ()
    part: int = 0


def read_rows(
    file: IO[bytes],
    written: TableFormat,
    *,
    required: Collection[str] = (),
    one_of: Collection[str] = (),
    written_within: Callable[[str], TableFormat | None] | None = None,
) -> Iterator[Row | BrokenRow]:
    """The rows of a table.

    A line `sep=;`, rows above the header, a repeated header and delimiters at the ends of lines are no rows.

    Args:
        file: at its beginning; must be seekable.
        written: how; a zip that holds such files is read through.
        required: columns that the header must name, compared trimmed and case-folded; JSON Lines have no header.
        one_of: columns of which the header must name one at least.
        written_within: how a file of an archive is written, by its name; None: it is not read. Without it all are
            written as the archive's row says.

    Raises:
        BrokenFile: it cannot be read as such a table, or a required column is missing.
    """
    if written.kind not in ("", "csv", "tsv", "xlsx", "jsonl"):
        raise BrokenFile("unknown_format", "The registry names a format other than csv, tsv, xlsx or jsonl.")
    start = file.read(4)
    file.seek(0)
    if not start:
        raise BrokenFile("empty_file", "The file is empty.")
    table = _Table(required, one_of)
    if start == b"PK\x03\x04":
        with _checked_zip(file) as archive:
            if written.kind not in ("", "xlsx") and _WORKBOOK_MARK in archive.namelist():
                raise BrokenFile("wrong_format", f"The file is a workbook, the registry says {written.kind}.")
            if _WORKBOOK_MARK not in archive.namelist():
                yield from _zipped(archive, written_within or (lambda name: written), table)
                return
        file.seek(0)
    yield from _table_rows(file, written, table)


def _table_rows(file: IO[bytes], written: TableFormat, table: _Table) -> Iterator[Row | BrokenRow]:
    kind = written.kind or _recognised_kind(file)
    if kind == "xlsx":
        yield from _sheet_rows(file, table)
    elif kind == "jsonl":
        yield from _json_rows(file, table)
    else:
        yield from _delimited_rows(file, written.encoding, "\t" if kind == "tsv" else written.delimiter, table)


def _recognised_kind(file: IO[bytes]) -> str:
    start = file.read(_SAMPLE).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    return "xlsx" if start.startswith(b"PK\x03\x04") else "jsonl" if start.startswith(b"{") else "csv"


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
            decoder.decode(chunk)  # a file may have been cut off within its last character
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


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with its end. Of one that is longer than a record may be only the beginning is kept: it is not whole."""

    text: str
    is_whole: bool = True
    has_odd_quotes: bool = False  # of all its quotes; known where it is not whole


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of a table: its first line's number, its cells (None: unreadable), its text, and why it is broken."""

    number: int
    cells: list[str] | None
    text: str
    fault: str = ""


def _lines(file: IO[bytes], encoding: str) -> Iterator[_Line]:
    # a byte that is no character of the encoding breaks its row, not the file
    errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        while line := text.readline(LONGEST_RECORD):
            if len(line) < LONGEST_RECORD or line.endswith(("\n", "\r")):
                yield _Line(line)
                continue
            quotes, kept = line.count('"'), line[:_KEPT_OF_TOO_LONG]
            while (more := text.readline(LONGEST_RECORD)) and not more.endswith(("\n", "\r")):
                quotes += more.count('"')
            yield _Line(kept, False, (quotes + more.count('"')) % 2 == 1)
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


class _Records:
    """The records of delimited lines.

    Nothing in a cell is ever read as a row. A quoted cell runs to its closing quote, over however many lines; one that
    never closes runs to the end of the file. Where a quote stands askew (`"De "Gouden" Leeuw"`, `\\"`), a cell may end
    at it or go on: the record is broken, and if a later quote, within the length of a record, could be the true end,
    all lines up to there are broken with it. Each line of them is told by its own number, so that nothing is lost.
    """

    def __init__(self, lines: Iterator[_Line], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        sign = re.escape(delimiter)
        self._closing = re.compile(rf'(?:(?<![\\"])"(?:"")*|(?<=\\)(?:"")+)(?={sign}|[\r\n]|\Z)')
        self._beginning = re.compile(rf"{sign}|\r\n|\n|\r")  # of another cell
        self._waiting: deque[_Line] = deque()
        self._waiting_length = 0
        self._without_closing = 0  # so many of the first lines that wait are known to hold no closing quote

    def __iter__(self) -> Iterator[_Record]:
        number = 0
        while (line := self._next()) is not None:
            number += 1
            if not line.is_whole:
                yield _Record(number, None, line.text, "record_too_long")
                if line.has_odd_quotes:
                    number = yield from self._inside(number)
            elif '"' not in line.text:
                yield _Record(number, line.text.rstrip("\r\n").split(self._delimiter), line.text)
            else:
                number = yield from self._quoted(number, line)

    def _next(self) -> _Line | None:
        if not self._waiting:
            return next(self._lines, None)
        line = self._waiting.popleft()
        self._waiting_length -= len(line.text)
        self._without_closing = max(0, self._without_closing - 1)
        return line

    def _quoted(self, number: int, first: _Line) -> Generator[_Record, None, int]:
        """The record that begins with a line that holds quotes; returns the number of its last line."""
        joined, length = [first.text], len(first.text)
        is_open, is_whole = _is_open(first.text, self._delimiter, False), True
        while is_open and is_whole and length <= LONGEST_RECORD and (line := self._next()) is not None:
            joined.append(line.text)
            length += len(line.text)
            is_whole = line.is_whole
            is_open = _is_open(line.text, self._delimiter, True) if is_whole else not line.has_odd_quotes
        text = "".join(joined)
        if not is_open and is_whole and length <= LONGEST_RECORD:
            cells = None if '\\"' in text else _cells(text, self._delimiter)
            if cells is not None:
                yield _Record(number, cells, text)
                return number + len(joined) - 1
            joined += self._up_to_a_later_end(text)
        yield from self._broken(number, joined, "malformed_row" if length <= LONGEST_RECORD else "record_too_long")
        number += len(joined) - 1
        if is_open:
            number = yield from self._inside(number)
        return number

    @staticmethod
    def _broken(number: int, lines: list[str], fault: str) -> Iterator[_Record]:
        for place, line in enumerate(lines):
            yield _Record(number + place, None, line, "inside_broken_quote" if place else fault)

    def _inside(self, number: int) -> Generator[_Record, None, int]:
        """The lines of a cell that is open, up to the one that closes it; returns its number."""
        while (line := self._next()) is not None:
            number += 1
            yield _Record(number, None, line.text, "inside_broken_quote")
            if not (_is_open(line.text, self._delimiter, True) if line.is_whole else not line.has_odd_quotes):
                break
        return number

    def _up_to_a_later_end(self, record: str) -> list[str]:
        """The lines that may still belong to a cell of a record whose quotes stand askew, where it may end later."""
        if not self._is_open_at_most(record, False):
            return []
        at, is_open = self._without_closing, True
        while is_open:
            if at == len(self._waiting):
                following = next(self._lines, None) if self._waiting_length <= LONGEST_RECORD else None
                if following is None:
                    if self._waiting_length <= LONGEST_RECORD and '\\"' in record:
                        break  # a cell that escapes its quotes so was cut off with the file
                    return []
                self._wait_for(following)
            line = self._waiting[at].text
            if self._closing.search(line):
                is_open = self._is_open_at_most(line, True)
            elif at == self._without_closing:
                self._without_closing += 1
            at += 1
        taken = [self._next() for _ in range(at)]
        return [line.text for line in taken if line is not None]

    def _wait_for(self, line: _Line) -> None:
        self._waiting.append(line)
        self._waiting_length += len(line.text)

    def _is_open_at_most(self, line: str, is_open: bool) -> bool:
        """Whether a cell may be open at the end of a line, or of a record's: if only a quote before a delimiter closes.

        The end of a line is such a delimiter too.
        """
        at = 0
        while True:
            if is_open or line.startswith('"', at):
                closing = self._closing.search(line, at if is_open else at + 1)
                if closing is None:
                    return True
                at, is_open = closing.end(), False
            beginning = self._beginning.search(line, at)
            if beginning is None:
                return False
            at = beginning.end()


def _cells(record: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None


_FAULTS = {
    "record_too_long": "The row is too long to be read; its beginning is kept.",
    "malformed_row": "A quote in the row never closes or stands where none may.",
    "inside_broken_quote": "The line stands within a cell of a broken row above it, or may do so.",
}


def _delimited_rows(file: IO[bytes], encoding: str, delimiter: str, table: _Table) -> Iterator[Row | BrokenRow]:
    encoding = encoding or _recognised(file)
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"  # the same, but for a byte order mark
    sample = file.read(_SAMPLE).decode(encoding, errors="replace")
    file.seek(0)
    delimiter, header_at = _header_in(sample, delimiter, table)
    written = "utf-8" if encoding == "utf-8-sig" else encoding
    columns: list[str] | None = None
    known: Mapping[str, str] = {}
    for record in _Records(_lines(file, encoding), delimiter):
        cells, text = record.cells, record.text
        # rows without any content are what spreadsheets leave below a table
        if cells is not None and not any(cell.strip() for cell in cells):
            continue
        undecodable = not text.isascii() and _UNDECODABLE.search(text) is not None
        if columns is None:
            if record.number < header_at:
                if not _SEPARATOR.match(text):
                    raw = text.rstrip("\r\n").encode(written, errors="surrogateescape")
                    yield BrokenRow(record.number, "above_header", _ABOVE_HEADER, raw, table.part, text=text)
                continue
            if undecodable:
                raise BrokenFile("wrong_encoding", f"The header is not in its encoding, {written}.")
            columns = _columns(cells or [], table)
            known = _by_name(columns)
            continue
        if cells is not None:
            cells = _without_blank_end(cells, len(columns))
            if (again := _header_again(cells, known)) is not None:
                columns = again
                continue

        if record.fault:
            reason, detail = record.fault, _FAULTS[record.fault]
        elif "\x00" in text:
            reason, detail = "malformed_row", "The row holds the NUL character."
        elif undecodable:
            reason, detail = "wrong_encoding", f"The row is not in its encoding, {written}."
        elif cells is not None and len(cells) < len(columns) and not text.endswith(("\n", "\r")):
            reason, detail = "malformed_row", "The file ends within the row."
        elif cells is None or len(cells) != len(columns):
            reason = "wrong_number_of_cells"
            detail = f"The row has {len(cells or ())} cells, the header has {len(columns)}."
        else:
            yield Row(record.number, dict(zip(columns, cells, strict=True)), table.part)
            continue
        raw = text.rstrip("\r\n").encode(written, errors="surrogateescape")
        told = cells if cells is not None else [cell.strip(' "') for cell in text.rstrip("\r\n").split(delimiter)]
        # cells that were told apart wrongly must not be taken for others
        values = dict(zip(columns, told, strict=True)) if len(told) == len(columns) else {}
        yield BrokenRow(record.number, reason, detail, raw, table.part, values=values, text=text)
    if columns is None:
        raise BrokenFile("empty_file", "The file holds no header.")


def _header_in(sample: str, delimiter: str, table: _Table) -> tuple[str, int]:
    """The delimiter of a file's beginning, and the number of the line that is its header.

    That is the first line which names the columns that must be there. Where none does so, the first one is taken, and
    what it lacks is told.
    """
    lines = _LINE_END.split(sample, maxsplit=_HIGHEST_HEADER)[:_HIGHEST_HEADER]
    stated = _SEPARATOR.match(lines[0]) if lines else None
    if stated is not None:
        given = "\t" if stated[1] in ("\\t", "\t") else stated[1]
        candidates = [given, delimiter]
    else:
        candidates = [delimiter]
    first = 2 if stated is not None else 1
    candidates = [one for one in candidates if one]
    for number, line in enumerate(lines, 1):
        if number < first:
            continue
        for candidate in dict.fromkeys((*candidates, _recognised_delimiter(line), *_DELIMITERS)):
            cells = _cells(line, candidate) if line.strip() else None
            if cells is not None and _lacking(cells, table) is None and (table.required or table.one_of):
                return candidate, number
    return candidates[0] if candidates else _recognised_delimiter("\n".join(lines[first - 1 :])), first


def _lacking(cells: Collection[str], table: _Table) -> str | None:
    """A column that must be there and is not; None where none lacks."""
    named = {_folded(cell) for cell in cells}
    lacking = next((column for column in table.required if _folded(column) not in named), None)
    if lacking is None and table.one_of and not any(_folded(column) in named for column in table.one_of):
        lacking = next(iter(table.one_of))
    return lacking


def _without_blank_end(cells: list[str], width: int) -> list[str]:
    """The cells without those behind the header's last column that hold nothing: a delimiter ends the line."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _header_again(cells: list[str], known: Mapping[str, str]) -> list[str] | None:
    """The columns in the order of a header that is repeated, as where files were put behind each other.

    Args:
        cells: of a row.
        known: the header's columns by their folded names.
    """
    if len(cells) != len(known) or _folded(cells[0]) not in known:
        return None
    named = [_folded(cell) or f"column {place}" for place, cell in enumerate(cells, 1)]
    return [known[name] for name in named] if set(named) == set(known) else None


def _by_name(columns: list[str]) -> Mapping[str, str]:
    return {_folded(column): column for column in columns}


def _folded(column: str) -> str:
    return column.strip(" \t\r\n\xa0\ufeff").casefold()


def _columns(cells: list[str], table: _Table) -> list[str]:
    """The columns that a header names; one without a name is called by its place.

    Raises:
        BrokenFile: it cannot be read, a name stands twice, or a required one is missing.
    """
    names = _without_blank_end([cell.strip() for cell in cells], 0)
    if not names or any("\x00" in name for name in names):
        raise BrokenFile("malformed_header", "The header cannot be read.")
    names = [name or f"column {place}" for place, name in enumerate(names, 1)]
    folded = [_folded(name) for name in names]
    for at, name in enumerate(folded):
        if name in folded[:at]:
            detail = f"Columns {folded.index(name) + 1} and {at + 1} of the header have the same name."
            raise BrokenFile("malformed_header", detail)
    lacking = _lacking(names, table)
    if lacking is not None:
        raise BrokenFile("missing_column", f"The required column {lacking} is missing.", lacking)
    return names


def _json_rows(file: IO[bytes], table: _Table) -> Iterator[Row | BrokenRow]:
    number = 0
    while line := file.readline(LONGEST_RECORD):
        number += 1
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            while (more := file.readline(LONGEST_RECORD)) and not more.endswith(b"\n"):
                pass
            detail = "The line is too long to be read; its beginning is kept."
            kept = line[:_KEPT_OF_TOO_LONG]
            yield BrokenRow(number, "record_too_long", detail, kept, table.part, text=line.decode("utf-8", "replace"))
            continue
        text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if not text:
            continue
        whole = text.decode("utf-8", "replace")
        try:
            value = document.decode_strictly(text)
        except document.MalformedDocument as problem:
            repeated = isinstance(problem, document.RepeatedKey)
            reason = "repeated_key" if repeated else "malformed_json"
            detail = (
                "A key stands twice in one object." if repeated else "The line is not a whole JSON document in UTF-8."
            )
            yield BrokenRow(number, reason, detail, text, table.part, text=whole)
            continue
        if not isinstance(value, dict):
            yield BrokenRow(number, "malformed_json", "The line is not a JSON object.", text, table.part, text=whole)
            continue
        values = {str(name).strip(): _text(item) for name, item in value.items() if item is not None}
        if len({_folded(str(name)) for name in value}) != len(value):
            detail = "Two fields of the object have the same name."
            yield BrokenRow(number, "repeated_key", detail, text, table.part, text=whole)
        elif "\x00" in "".join((*values, *values.values())):
            detail = "The row holds the NUL character."
            cleaned = {name.replace("\x00", ""): cell.replace("\x00", "") for name, cell in values.items()}
            yield BrokenRow(
                number, "malformed_row", detail, text, table.part, values=cleaned, text=" ".join(cleaned.values())
            )
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
    archive: zipfile.ZipFile, written_within: Callable[[str], TableFormat | None], table: _Table
) -> Iterator[Row | BrokenRow]:
    """The rows of each file of an archive; a file that cannot be read, or that no row names, leaves the others."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
    if not entries:
        raise BrokenFile("empty_file", "The archive holds no file.")
    for part, entry in enumerate(entries, 1):
        name = posixpath.basename(entry.filename.replace("\\", "/"))
        with tempfile.TemporaryFile() as spool:
            try:
                written = written_within(name)
                if written is None:
                    raise BrokenFile(
                        "unregistered_file", "vendor_file_formats.csv has no pattern for files of this name."
                    )
                _expand(archive, entry, spool)
                start = spool.read(4)
                spool.seek(0)
                if not start:
                    raise BrokenFile("empty_file", "The file is empty.")
                if start == b"PK\x03\x04" and (written.kind not in ("", "xlsx") or not _is_workbook(spool)):
                    raise BrokenFile("nested_archive", "The archive holds another archive.")
                for row in _table_rows(spool, written, replace(table, part=part)):
                    yield replace(row, entry=name)
            except BrokenFile as broken:
                raw = f"{entry.CRC:08x} {entry.file_size}".encode()
                yield BrokenRow(0, broken.reason, str(broken), raw, part, broken.column, entry=name)


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
    except (LookupError, ValueError):
        raise BrokenFile("malformed_workbook", "A part of the workbook names an encoding that is not known.") from None


def _refuse_long_text(part: IO[bytes]) -> None:
    """Refuses a text or tag that is longer than any cell: it would be held in memory whole, several times.

    Raises:
        BrokenFile: the part holds one.
    """
    length = 0
    while chunk := part.read(_PROLOG_CHUNK * 8):
        pieces = chunk.split(b"<")
        length += len(pieces[0])
        for piece in pieces[1:]:
            if length > LONGEST_TEXT_OF_A_WORKBOOK:
                break
            length = len(piece)
        if length > LONGEST_TEXT_OF_A_WORKBOOK:
            raise BrokenFile("unsafe_document", "A text of the workbook is longer than a cell can be.")


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
                if entry.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        _refuse_long_text(part)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
            raise BrokenFile("malformed_workbook", "The file is not a workbook that can be read.") from None
    file.seek(0)


def _sheet_rows(file: IO[bytes], table: _Table) -> Iterator[Row | BrokenRow]:
    columns: list[str] | None = None
    known: Mapping[str, str] = {}
    above: list[tuple[int, list[str]]] = []
    for number, values in _sheet_texts(file):
        if columns is None:
            if _lacking(values, table) is not None and number < _HIGHEST_HEADER:
                above.append((number, values))
                continue
            columns = _columns(values, table)
            known = _by_name(columns)
            for place, cells in above:
                raw = document.encode(cells)
                yield BrokenRow(place, "above_header", _ABOVE_HEADER, raw, table.part, text=" ".join(cells))
            continue
        values = _without_blank_end(values, len(columns))
        if (again := _header_again(values, known)) is not None:
            columns = again
        elif len(values) > len(columns):
            detail = f"The row has {len(values)} cells, the header has {len(columns)}."
            raw = document.encode(values)
            yield BrokenRow(number, "wrong_number_of_cells", detail, raw, table.part, text=" ".join(values))
        else:
            # a sheet knows no cells behind the last one that is filled
            values += [""] * (len(columns) - len(values))
            yield Row(number, dict(zip(columns, values, strict=True)), table.part)
    if columns is None and above:
        _columns(above[0][1], table)  # tells what its first row lacks
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
