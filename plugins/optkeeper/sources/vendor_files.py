"""Lead vendors' deliveries: tables over SFTP, S3 or a folder, read by the vendor's own format and columns as data."""

import codecs
import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from optkeeper import registry
from optkeeper.landing import countries, document, excerpt
from optkeeper.landing.addresses import email as compared_email
from optkeeper.landing.addresses import phone as compared_phone
from optkeeper.landing.addresses import postal as compared_postal
from optkeeper.landing.addresses import within as addresses_within
from optkeeper.landing.excerpt import LONGEST_ID, LONGEST_WORD
from optkeeper.registry import RegisteredSource
from optkeeper.sources.files.storage import RemoteFile, described, is_safe, open_location, opened_if_new
from optkeeper.sources.files.tabular import LONGEST_RECORD, BrokenFile, BrokenRow, Row, TableFormat, read_rows
from optkeeper.sources.http import SourceError
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    Excerpt,
    FileLeft,
    FileOpened,
    FileTaken,
    Ledger,
    RawAddress,
    Received,
    StreamItem,
)

OBJECT = "vendor.rows"
_ABOUT_WHOM = (
    "email_text",
    "phone_text",
    "postal_postcode",
    "source_contact_id",
    "refers_to_event_id",
    "refers_to_batch",
)
_POSTAL_FIELDS = ("postal_country", "postal_postcode", "postal_house_number", "postal_addition")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a vendor writes its files: a row of `vendor_file_formats.csv`."""

    file_pattern: str
    format: str
    encoding: str
    delimiter: str
    default_country: str

    def names(self, file: str) -> bool:
        """Whether a file of this name is written so."""
        return fnmatch.fnmatchcase(file.casefold(), self.file_pattern.casefold())

    def as_table(self) -> TableFormat:
        """How its rows are read."""
        return TableFormat(self.format, self.encoding, self.delimiter)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds which canonical field, and which must be there: rows of `vendor_columns.csv`."""

    by_field: Mapping[str, str]
    required: tuple[str, ...]
    constants: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # by field, as the registry spells them

    def text(self, values: Mapping[str, str], field: str) -> str:
        """The text of a field in a row whose column names are folded; '' where there is none."""
        # trimmed as SQL trims it: the models must find what was remembered of an address
        return values.get(self.by_field.get(field, ""), "").strip(" ")


# A file that no row names: read only where it holds nothing but restrictions.
_UNREGISTERED = FileFormat("", "", "", "", "")


def formats(source: str) -> list[FileFormat]:
    """The formats of a source's files, in the order in which they are tried.

    Raises:
        SourceError: the registry names none, or an encoding that does not exist.
    """
    found = [
        FileFormat(
            row["file_pattern"],
            row["format"],
            row["encoding"],
            "\t" if row["delimiter"] == "tab" else row["delimiter"],
            row["default_country"].strip().upper(),
        )
        for row in registry.rows("vendor_file_formats")
        if row["source"] == source
    ]
    if not found:
        raise SourceError(f"{source}: vendor_file_formats.csv names no format of its files")
    for known in found:
        try:
            codecs.lookup(known.encoding or "utf-8")
        except LookupError:
            raise SourceError(f"{source}: vendor_file_formats.csv names no encoding: {known.encoding!r}") from None
    return found


def columns(source: str) -> Columns:
    """The columns of a source's files.

    Raises:
        SourceError: the registry maps none.
    """
    own = [row for row in registry.rows("vendor_columns") if row["source"] == source]
    mapped = [row for row in own if row["column_name"]]
    if not mapped:
        raise SourceError(f"{source}: vendor_columns.csv maps none of its columns")
    return Columns(
        {row["field"]: _folded(row["column_name"]) for row in mapped},
        tuple(row["column_name"].strip() for row in mapped if row["required"] == "true"),
        {row["field"]: row["constant"].strip() for row in own if row["constant"]},
        {row["field"]: row["column_name"].strip() for row in mapped},
    )


def _digest_of(payload: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(document.canonical(payload)).hexdigest()
    except document.MalformedDocument:  # landing will say so
        return hashlib.sha256(document.encode(payload)).hexdigest()


def _folded(column: str) -> str:
    return column.strip().casefold()


def _read_whole(rows: Iterator[Row | BrokenRow]) -> Iterator[Row | BrokenRow]:
    """The rows; whatever a reader stumbles over is a fault of this file and of no other.

    Raises:
        BrokenFile: in place of any other error but that of the machine.
    """
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except (BrokenFile, OSError, MemoryError):
            raise
        except Exception as problem:
            raise BrokenFile("unreadable_file", f"It cannot be read ({type(problem).__name__}).") from None
        yield row


def _position(name: str, position: int, part: int) -> str:
    """Where a row stands: `leads.csv:17`, or within an archive `leads.zip, file 2:17`."""
    place = f"{name}, file {part}" if part else name
    return f"{place}:{position}" if position else place


class VendorFiles:
    """Takes every file that a vendor delivered since; a re-sent or renamed one is known by its digest."""

    def __init__(self, source: RegisteredSource, connection: ConnectionDetails) -> None:
        self._source = source.source
        self._connection = connection
        self._formats = formats(source.source)
        self._columns = columns(source.source)
        # whom a file of restrictions names is restricted, however it is dressed (R27)
        self._restricts = excerpt.restricts(self._columns.constants.get("event_type", ""))

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """The rows of every new file. One still being written is left alone, one of an unknown name is broken."""
        with open_location(self._connection, self._source) as location:
            for file in location.list():
                if not is_safe(file.name):
                    detail = "The file's name leads elsewhere or holds what no name should hold; it is not opened."
                    yield Broken(OBJECT, ascii(file.name), "unsafe_file_name", detail, described(file))
                    continue
                known = self._format_of(file.name)
                if known is None:
                    detail = f"{file.name}: vendor_file_formats.csv has no pattern for files of this name."
                    yield Broken(OBJECT, file.name, "unregistered_file", detail, described(file))
                    if not self._restricts:
                        continue
                    known = _UNREGISTERED
                with opened_if_new(location, file, ledger) as new:
                    if new is None:
                        continue
                    spool, digest = new
                    yield FileOpened(digest, self._reading(known))
                    yield from self._file(spool, file, known, digest)

    def _format_of(self, name: str) -> FileFormat | None:
        return next((known for known in self._formats if known.names(name)), None)

    def _format_within(self, name: str) -> TableFormat | None:
        """How a file of an archive is written: by a row of its own, for the archive's row only admits the archive."""
        known = self._format_of(name) or (_UNREGISTERED if self._restricts else None)
        return known.as_table() if known is not None else None

    def _file(self, spool: IO[bytes], file: RemoteFile, known: FileFormat, digest: bytes) -> Iterator[StreamItem]:
        batch = file.name.rsplit(".", 1)[0]
        try:
            for row in _read_whole(self._rows_of(spool, known)):
                own = (self._format_of(row.entry) or _UNREGISTERED) if row.part else known
                yield (
                    self._row(row, file.name, batch, own)
                    if isinstance(row, Row)
                    else self._broken(row, file.name, batch, own)
                )
        except BrokenFile as broken:
            # the bytes stay where they were delivered and are tried again: a row of the registry may make them readable
            raw = digest.hex().encode()
            yield Broken(OBJECT, file.name, broken.reason, f"{file.name}: {broken}", raw, broken.column, batch)
            yield from self._restrictions_of_lines(spool, file.name, batch, broken, known)
            yield FileLeft()
        else:
            yield FileTaken(digest, file.name, file.size, batch, file.modified_at)

    def _rows_of(self, spool: IO[bytes], known: FileFormat) -> Iterator[Row | BrokenRow]:
        if not self._restricts:
            yield from read_rows(
                spool, known.as_table(), required=self._columns.required, written_within=self._format_within
            )
            return
        # a list of restrictions needs a column that says whom it is about, and no other; what it is like is seen
        about = [self._columns.names[field] for field in _ABOUT_WHOM if field in self._columns.names]
        first = read_rows(spool, known.as_table(), one_of=about, written_within=self._format_within)
        try:
            row = next(first, None)
        except BrokenFile:
            spool.seek(0)
            yield from read_rows(spool, TableFormat(""), one_of=about, written_within=self._format_within)
            return
        if row is not None:
            yield row
            yield from first

    def _restrictions_of_lines(
        self, spool: IO[bytes], name: str, batch: str, broken: BrokenFile, known: FileFormat
    ) -> Iterator[Broken]:
        """What a file of restrictions names although it is no table that can be read; nothing where it is packed."""
        if not self._restricts or known is _UNREGISTERED:
            return
        spool.seek(0)
        is_wide = spool.read(2) in (b"\xff\xfe", b"\xfe\xff")
        spool.seek(0)
        for number, line in enumerate(iter(lambda: spool.readline(LONGEST_RECORD), b""), 1):
            text = line.replace(b"\x00", b"").decode("latin-1" if is_wide else "utf-8", "replace")
            phone = {self._columns.by_field["phone_text"]: text} if "phone_text" in self._columns.by_field else {}
            excerpts = self._excerpts(phone, (text,), excerpt.broken_id(line), known)
            if excerpts:
                raw = line.rstrip(b"\r\n")
                yield Broken(
                    OBJECT, _position(name, number, 0), broken.reason, str(broken), raw, batch=batch, excerpts=excerpts
                )

    def _reading(self, known: FileFormat) -> str:
        """The digest of how the registry says that files are read: read another way, a file is another one."""
        columns = (
            sorted(self._columns.by_field.items()),
            self._columns.required,
            sorted(self._columns.constants.items()),
        )
        return hashlib.sha256(repr((sorted(asdict(known).items()), columns)).encode()).hexdigest()

    def _broken(self, row: BrokenRow, name: str, batch: str, known: FileFormat) -> Broken:
        position = _position(name, row.position, row.part)
        excerpts = self._excerpts(row.values, (row.text,), excerpt.broken_id(row.raw), known)
        return Broken(OBJECT, position, row.reason, row.detail, row.raw, row.column, batch, excerpts)

    def _excerpts(
        self, values: Mapping[str, str], texts: Iterable[str], fallback_id: str, known: FileFormat
    ) -> tuple[Excerpt, ...]:
        """What a broken row still says: whom it restricts, where its type can be read."""
        folded = {_folded(column): value for column, value in values.items()}
        cells = {name: self._columns.text(folded, name) for name in self._columns.by_field}
        cells |= self._columns.constants
        country = cells.get("country", "")
        country = known.default_country if countries.code(country) is None else country
        return excerpt.of_cells(cells, texts, fallback_id, country)

    def _row(self, row: Row, name: str, batch: str, known: FileFormat) -> Received | Broken:
        folded = {_folded(column): value for column, value in row.values.items()}
        position = _position(name, row.position, row.part)
        payload = {"row": dict(row.values), "file_pattern": known.file_pattern}
        # a table's header has been held against these already; a JSON object is its own header
        required = () if self._restricts else self._columns.required
        missing = next((column for column in required if _folded(column) not in folded), None)
        if missing is not None:
            detail = f"The required column {missing} is missing."
            return self._unusable(row, position, "missing_column", detail, missing, batch, known)
        addresses = self._addresses(folded, known)
        if addresses is None:
            detail = "The row holds no usable e-mail address, telephone number or postal address."
            return self._unusable(row, position, "no_address", detail, None, batch, known)
        for name in ("event_id", "source_contact_id", "email_text", "phone_text", *_POSTAL_FIELDS):
            text = self._columns.text(folded, name)
            if len(text.encode("utf-8", "replace")) > (LONGEST_ID if not name.startswith("postal") else LONGEST_WORD):
                column, detail = self._columns.by_field[name], "The cell is longer than it may be."
                return self._unusable(row, position, "too_long", detail, column, batch, known)
        source_id = self._columns.text(folded, "event_id") or _digest_of({"row": payload["row"]})
        if excerpt.CONTROL.search(source_id):
            column, detail = self._columns.by_field["event_id"], "The row's id holds a control character."
            return self._unusable(row, position, "malformed_id", detail, column, batch, known)
        return Received(OBJECT, source_id, payload, addresses, batch)

    def _unusable(
        self, row: Row, position: str, reason: str, detail: str, column: str | None, batch: str, known: FileFormat
    ) -> Broken:
        raw = document.encode({"row": dict(row.values)})
        excerpts = self._excerpts(row.values, row.values.values(), excerpt.broken_id(raw), known)
        return Broken(OBJECT, position, reason, detail, raw, column, batch, excerpts)

    def _addresses(self, folded: Mapping[str, str], known: FileFormat) -> tuple[RawAddress, ...] | None:
        """The addresses as a row spells them; None where none is usable."""
        text = self._columns.text
        country = countries.code(text(folded, "country")) or known.default_country or None
        e_mail, phone = text(folded, "email_text"), text(folded, "phone_text")
        is_usable = (
            (e_mail and (compared_email(e_mail) or addresses_within(RawAddress("email", e_mail))))
            or (phone and (compared_phone(phone, country) or addresses_within(RawAddress("phone", phone, country))))
            or compared_postal(
                {part: text(folded, f"postal_{part}") for part in ("country", "postcode", "house_number", "addition")}
            )
        )
        if not is_usable:
            return None
        spelled = [RawAddress("email", e_mail)] if e_mail else []
        if phone:
            spelled.append(RawAddress("phone", phone, country))
        return tuple(spelled)
