"""The canonical feed: canonical events as JSON Lines, for home-grown systems; also what `evaluate` reads."""

import gzip
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import IO, Any

from optkeeper import registry, settings
from optkeeper.landing import document
from optkeeper.registry import RegisteredSource
from optkeeper.sources.files.storage import FileStillGrowing, open_location
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    FileTaken,
    Ledger,
    RawAddress,
    Received,
    StreamItem,
)

OBJECT = "canonical.events"
LONGEST_LINE = 1024 * 1024
LARGEST_FILE = 16 * 1024**3  # when expanded
_SUFFIXES = (".jsonl.gz", ".jsonl", ".ndjson")
# The spellings that the models read; fromisoformat alone would let week dates and more pass.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)

_TEXTS = (
    "event_id", "source", "type", "occurred_at", "received_at", "batch", "lead_channel", "channel", "purpose", "brand",
    "message_id", "link", "bounce",
)  # fmt: skip
_PARTS = {
    "contact": (
        "source_contact_id", "email", "phone", "first_name", "last_name", "company", "country", "recipient_form",
        "birth_date",
    ),
    "evidence": (
        "method", "text_version", "form_url", "ip", "user_agent", "recording_ref", "document_ref", "parental_ref",
        "order_id", "product_category", "notice_version", "publication_url", "publication_snapshot",
    ),
    "refers_to": ("event_id", "batch", "source_contact_id", "source"),
}  # fmt: skip
_POSTAL = ("country", "postcode", "house_number", "addition", "street", "city")


class _ContractBroken(Exception):
    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.field = reason, detail, field


class _UnreadableFile(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@cache
def _event_types() -> frozenset[str]:
    return frozenset(row["event_type"] for row in registry.read(settings.DBT_PROJECT / "seeds" / "event_types.csv"))


def read_events(lines: Iterable[bytes], origin: str, source: str | None = None) -> Iterator[Received | Broken]:
    """The canonical events of JSON lines; a line that breaks the contract is broken, and the rest goes on.

    Args:
        lines: the lines, with or without their ends; a byte order mark and blank lines are passed over.
        origin: the file's name, for positions.
        source: the only source that may speak here; None lets every one.
    """
    for number, line in enumerate(lines, 1):
        text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if not text:
            continue
        try:
            payload = _checked(text, source)
        except _ContractBroken as broken:
            yield Broken(OBJECT, f"{origin}:{number}", broken.reason, broken.detail, line.rstrip(b"\r\n"), broken.field)
            continue
        yield Received(OBJECT, payload["event_id"], payload, _addresses(payload))


def _checked(text: bytes, source: str | None) -> Mapping[str, Any]:
    if len(text) >= LONGEST_LINE:
        detail = f"The line is longer than {LONGEST_LINE} bytes; only its beginning is kept."
        raise _ContractBroken("line_too_long", detail)
    try:
        payload = document.decode(text)
    except document.MalformedDocument:
        raise _ContractBroken("malformed_json", "The line is not a whole JSON document in UTF-8.") from None
    if not isinstance(payload, dict):
        raise _ContractBroken("wrong_type", "The line is not a JSON object.")
    _texts(payload, _TEXTS, "")
    for field in ("event_id", "source", "type"):
        if not (payload.get(field) or "").strip():
            raise _ContractBroken("missing_field", f"The field {field} is missing.", field)
    for part, fields in _PARTS.items():
        _texts(_object(payload, part, part), fields, f"{part}.")
    _texts(_object(payload.get("contact") or {}, "postal", "contact.postal"), _POSTAL, "contact.postal.")
    if payload["type"] not in _event_types():
        raise _ContractBroken("unknown_type", "The type is none of the canonical event types.", "type")
    if source is not None and payload["source"] != source:
        raise _ContractBroken("foreign_source", f"The event names another source than {source}.", "source")
    if payload.get("occurred_at"):
        # RFC 3339 knows leap seconds and small letters, Python does not; the models read them
        _moment(payload["occurred_at"].strip().upper().replace(":60", ":59"), "occurred_at")
    if payload.get("received_at"):
        _moment(payload["received_at"], "received_at")
    return payload


def _object(holder: Mapping[str, Any], field: str, name: str) -> Mapping[str, Any]:
    value = holder.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _ContractBroken("wrong_type", f"The field {name} is not an object.", name)
    return value


def _texts(holder: Mapping[str, Any], fields: Iterable[str], prefix: str) -> None:
    for field in fields:
        value = holder.get(field)
        if value is not None and not isinstance(value, str):
            raise _ContractBroken("wrong_type", f"The field {prefix}{field} is not a text.", f"{prefix}{field}")


def _moment(text: str, field: str) -> None:
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        detail = f"The field {field} is neither an RFC 3339 moment nor a local date and time."
        raise _ContractBroken("malformed_timestamp", detail, field) from None


def _addresses(payload: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    """The addresses in the very spelling of the payload: by it the models look their compared form up."""
    contact = payload.get("contact") or {}
    found = []
    if contact.get("email"):
        found.append(RawAddress("email", contact["email"]))
    if contact.get("phone"):
        found.append(RawAddress("phone", contact["phone"], (contact.get("country") or "").upper() or None))
    return tuple(found)


class CanonicalFeed:
    """Takes every new `*.jsonl`, `*.jsonl.gz` or `*.ndjson` file of a folder, SFTP server or bucket.

    A file holds what is new, so how many lines it has says nothing about how many events the source holds: the feed
    states no population, and a quiet day is no source that shrank.
    """

    def __init__(self, source: RegisteredSource, connection: ConnectionDetails) -> None:
        self._source = source
        self._connection = connection

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """The events of every file that the ledger does not know; a file that is still being written waits."""
        with open_location(self._connection, self._source.source) as location:
            for file in location.list():
                if not file.name.lower().endswith(_SUFFIXES):
                    continue
                with tempfile.TemporaryFile() as spool:
                    try:
                        digest = location.fetch(file, spool)
                    except FileStillGrowing:
                        continue
                    if ledger.knows_file(digest):
                        continue
                    spool.seek(0)
                    yield from self._events(spool, file.name, digest)
                    yield FileTaken(digest, file.name, file.size, _stem(file.name))

    def _events(self, spool: IO[bytes], name: str, digest: bytes) -> Iterator[StreamItem]:
        try:
            yield from read_events(_lines(spool, name), name, self._source.source)
        except _UnreadableFile as problem:
            # The file itself stays where it was delivered; its digest says which one it was.
            yield Broken(OBJECT, name, problem.reason, problem.detail, digest)


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _lines(spool: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of a file, expanded; of one that is too long, only the beginning."""
    if not name.lower().endswith(".gz"):
        yield from _bounded(spool)
        return
    try:
        with gzip.open(spool) as expanded:
            yield from _bounded(expanded)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _UnreadableFile("damaged_file", "The file is no whole gzip file; what could be read is taken.") from None


def _bounded(read: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    taken = 0
    while line := read.readline(LONGEST_LINE):
        yield line
        taken += len(line)
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = read.readline(LONGEST_LINE)
            taken += len(line)
            if taken > LARGEST_FILE:
                break
        if taken > LARGEST_FILE:
            detail = f"The file expands to more than {LARGEST_FILE} bytes; what stands before is taken."
            raise _UnreadableFile("file_too_large", detail)
