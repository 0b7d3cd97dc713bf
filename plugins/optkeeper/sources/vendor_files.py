"""Lead vendors' deliveries: tables over SFTP, S3 or a folder, read by the vendor's own format and columns as data."""

import codecs
import fnmatch
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from optkeeper import registry
from optkeeper.landing import document
from optkeeper.landing.addresses import email as compared_email
from optkeeper.landing.addresses import phone as compared_phone
from optkeeper.landing.addresses import postal as compared_postal
from optkeeper.registry import RegisteredSource
from optkeeper.sources.files.storage import FileStillGrowing, RemoteFile, open_location
from optkeeper.sources.files.tabular import BrokenFile, BrokenRow, Row, read_rows
from optkeeper.sources.http import SourceError
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    FileTaken,
    Ledger,
    RawAddress,
    Received,
    StreamItem,
)

OBJECT = "vendor.rows"


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


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds which canonical field, and which must be there: rows of `vendor_columns.csv`."""

    by_field: Mapping[str, str]
    required: tuple[str, ...]

    def text(self, values: Mapping[str, str], field: str) -> str:
        """The text of a field in a row whose column names are folded; '' where there is none."""
        # trimmed as SQL trims it: the models must find what was remembered of an address
        return values.get(self.by_field.get(field, ""), "").strip(" ")


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
            row["default_country"].strip(),
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
    mapped = [row for row in registry.rows("vendor_columns") if row["source"] == source and row["column_name"]]
    if not mapped:
        raise SourceError(f"{source}: vendor_columns.csv maps none of its columns")
    return Columns(
        {row["field"]: _folded(row["column_name"]) for row in mapped},
        tuple(row["column_name"].strip() for row in mapped if row["required"] == "true"),
    )


def _folded(column: str) -> str:
    return column.strip().casefold()


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

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """The rows of every new file. One still being written is left alone, one of an unknown name is broken."""
        with open_location(self._connection, self._source) as location:
            for file in location.list():
                known = next((known for known in self._formats if known.names(file.name)), None)
                if known is None:
                    detail = f"{file.name}: vendor_file_formats.csv has no pattern for files of this name."
                    yield Broken(OBJECT, file.name, "unregistered_file", detail, f"{file.size}".encode())
                    continue
                with tempfile.TemporaryFile() as spool:
                    try:
                        digest = location.fetch(file, spool)
                    except FileStillGrowing:
                        continue
                    if ledger.knows_file(digest):
                        continue
                    spool.seek(0)
                    yield from self._file(spool, file, known, digest)

    def _file(self, spool: IO[bytes], file: RemoteFile, known: FileFormat, digest: bytes) -> Iterator[StreamItem]:
        batch = file.name.rsplit(".", 1)[0]
        rows = read_rows(
            spool, known.format, encoding=known.encoding, delimiter=known.delimiter, required=self._columns.required
        )
        try:
            for row in rows:
                yield (
                    self._row(row, file.name, batch, known)
                    if isinstance(row, Row)
                    else self._broken(row, file.name, batch)
                )
        except BrokenFile as broken:
            # the bytes stay where they were delivered and are tried again: a row of the registry may make them readable
            raw = digest.hex().encode()
            yield Broken(OBJECT, file.name, broken.reason, f"{file.name}: {broken}", raw, broken.column, batch)
        else:
            yield FileTaken(digest, file.name, file.size, batch)

    @staticmethod
    def _broken(row: BrokenRow, name: str, batch: str) -> Broken:
        position = _position(name, row.position, row.part)
        return Broken(OBJECT, position, row.reason, row.detail, row.raw, row.column, batch)

    def _row(self, row: Row, name: str, batch: str, known: FileFormat) -> Received | Broken:
        folded = {_folded(column): value for column, value in row.values.items()}
        position = _position(name, row.position, row.part)
        payload = {"row": dict(row.values)}
        # a table's header has been held against these already; a JSON object is its own header
        missing = next((column for column in self._columns.required if _folded(column) not in folded), None)
        if missing is not None:
            detail = f"The required column {missing} is missing."
            return Broken(OBJECT, position, "missing_column", detail, document.encode(payload), missing, batch)
        addresses = self._addresses(folded, known)
        if addresses is None:
            detail = "The row holds no usable e-mail address, telephone number or postal address."
            return Broken(OBJECT, position, "no_address", detail, document.encode(payload), None, batch)
        source_id = self._columns.text(folded, "event_id") or hashlib.sha256(document.canonical(payload)).hexdigest()
        return Received(OBJECT, source_id, payload, addresses, batch)

    def _addresses(self, folded: Mapping[str, str], known: FileFormat) -> tuple[RawAddress, ...] | None:
        """The addresses as a row spells them; None where none is usable."""
        text = self._columns.text
        country = (text(folded, "country") or known.default_country).upper() or None
        e_mail, phone = text(folded, "email_text"), text(folded, "phone_text")
        is_usable = (
            (e_mail and compared_email(e_mail))
            or (phone and compared_phone(phone, country))
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
