"""Lead vendors' deliveries: tables over SFTP, S3 or a folder, read by the vendor's own format and columns as data."""

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
from optkeeper.registry import RegisteredSource
from optkeeper.sources.files.storage import FileStillGrowing, RemoteFile, open_location
from optkeeper.sources.files.tabular import BrokenFile, Row, read_rows
from optkeeper.sources.stream import Broken, ConnectionDetails, FileTaken, Ledger, RawAddress, Received, StreamItem

OBJECT = "vendor.rows"


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a vendor writes its files: a row of `vendor_file_formats.csv`."""

    file_pattern: str
    format: str
    encoding: str
    delimiter: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds which canonical field, and which must be there: rows of `vendor_columns.csv`."""

    by_field: Mapping[str, str]
    required: frozenset[str]

    def named(self, values: Mapping[str, str], field: str) -> str:
        """The text of a field in a row whose column names are folded; '' where there is none."""
        column = self.by_field.get(field)
        return "" if column is None else values.get(column, "").strip()


def formats(source: str) -> list[FileFormat]:
    """The formats of a source's files, in the order in which they are tried."""
    return [
        FileFormat(row["file_pattern"], row["format"], row["encoding"], row["delimiter"].replace("tab", "\t"))
        for row in registry.rows("vendor_file_formats")
        if row["source"] == source
    ]


def columns(source: str) -> Columns:
    """The columns of a source's files."""
    mapped = [row for row in registry.rows("vendor_columns") if row["source"] == source and row["column_name"]]
    return Columns(
        {row["field"]: _folded(row["column_name"]) for row in mapped},
        frozenset(_folded(row["column_name"]) for row in mapped if row["required"] == "true"),
    )


def _folded(column: str) -> str:
    return column.strip().casefold()


class VendorFiles:
    """Takes every file that a vendor delivered since; a re-sent or renamed one is known by its digest."""

    def __init__(self, source: RegisteredSource, connection: ConnectionDetails) -> None:
        self._source = source.source
        self._connection = connection
        self._formats = formats(source.source)
        self._columns = columns(source.source)

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """The rows of every new file. A file that is still being written, or that no format names, is left alone."""
        with open_location(self._connection, self._source) as location:
            for file in location.list():
                known = next(
                    (f for f in self._formats if fnmatch.fnmatch(file.name.lower(), f.file_pattern.lower())), None
                )
                if known is None:
                    continue
                with tempfile.TemporaryFile() as spool:
                    try:
                        digest = location.fetch(file, spool)
                    except FileStillGrowing:
                        continue
                    if ledger.knows_file(digest):
                        continue
                    spool.seek(0)
                    batch = file.name.rsplit(".", 1)[0]
                    yield from self._file(spool, file, known, batch, digest)
                    yield FileTaken(digest, file.name, file.size, batch)

    def _file(
        self, spool: IO[bytes], file: RemoteFile, known: FileFormat, batch: str, digest: bytes
    ) -> Iterator[StreamItem]:
        try:
            for row in read_rows(spool, known.format, encoding=known.encoding, delimiter=known.delimiter):
                if not isinstance(row, Row):
                    position = f"{file.name}:{row.position}"
                    yield Broken(OBJECT, position, row.reason, row.detail, row.raw, batch=batch)
                    continue
                yield self._row(row, file.name, batch)
        except BrokenFile as broken:
            # the bytes stay where they were delivered, under the digest that the ledger keeps
            yield Broken(OBJECT, file.name, broken.reason, str(broken), digest.hex().encode(), batch=batch)

    def _row(self, row: Row, name: str, batch: str) -> Received | Broken:
        folded = {_folded(column): value for column, value in row.values.items()}
        position = f"{name}:{row.position}"
        payload = {"row": dict(row.values)}
        missing = sorted(self._columns.required - folded.keys())
        if missing:
            detail = f"The required column {missing[0]} is missing."
            return Broken(OBJECT, position, "missing_column", detail, document.encode(payload), missing[0], batch)
        field = self._columns.named
        country = field(folded, "country").upper() or None
        e_mail, phone = field(folded, "email_text"), field(folded, "phone_text")
        usable = (
            (e_mail and compared_email(e_mail))
            or (phone and compared_phone(phone, country))
            or (field(folded, "postal_postcode") and field(folded, "postal_house_number"))
        )
        if not usable:
            detail = "The row holds no usable e-mail address, telephone number or postal address."
            return Broken(OBJECT, position, "no_address", detail, document.encode(payload), None, batch)
        spelled = [RawAddress("email", e_mail)] if e_mail else []
        if phone:
            spelled.append(RawAddress("phone", phone, country))
        try:
            source_id = field(folded, "event_id") or hashlib.sha256(document.canonical(payload)).hexdigest()
        except document.MalformedDocument as problem:
            return Broken(OBJECT, position, "unstorable_document", str(problem), document.encode(payload), None, batch)
        return Received(OBJECT, source_id, payload, tuple(spelled), batch)
