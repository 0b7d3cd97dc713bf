"""The canonical feed: canonical events as JSON Lines, for home-grown systems; also what `evaluate` reads."""

import gzip
import tempfile
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
    Population,
    RawAddress,
    Received,
    StreamItem,
)

OBJECT = "canonical.events"
LONGEST_LINE = 4 * 1024 * 1024
LARGEST_FILE = 16 * 1024**3

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
    if len(text) > LONGEST_LINE:
        raise _ContractBroken("line_too_long", f"The line is longer than {LONGEST_LINE} bytes.")
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
    for field in ("occurred_at", "received_at"):
        if payload.get(field):
            _moment(payload[field], field)
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
        datetime.fromisoformat(text.strip())
    except ValueError:
        detail = f"The field {field} is neither an RFC 3339 moment nor a local date and time."
        raise _ContractBroken("malformed_timestamp", detail, field) from None


def _addresses(payload: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    contact = payload.get("contact") or {}
    found = []
    if contact.get("email"):
        found.append(RawAddress("email", contact["email"].strip()))
    if contact.get("phone"):
        country = (contact.get("country") or "").strip().upper() or None
        found.append(RawAddress("phone", contact["phone"].strip(), country))
    return tuple(found)


class CanonicalFeed:
    """Takes every new `*.jsonl` or `*.jsonl.gz` file of a folder, SFTP server or bucket."""

    def __init__(self, source: RegisteredSource, connection: ConnectionDetails) -> None:
        self._source = source
        self._connection = connection

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """The events of every file that the ledger does not know; a file that is still being written waits."""
        with open_location(self._connection, self._source.source) as location:
            for file in location.list():
                if not file.name.lower().endswith((".jsonl", ".jsonl.gz", ".ndjson")):
                    continue
                with tempfile.TemporaryFile() as spool:
                    try:
                        digest = location.fetch(file, spool)
                    except FileStillGrowing:
                        continue
                    if ledger.knows_file(digest):
                        continue
                    spool.seek(0)
                    total = 0
                    for item in read_events(_lines(spool, file.name), file.name, self._source.source):
                        total += 1
                        yield item
                    yield Population(OBJECT, total)
                    yield FileTaken(digest, file.name, file.size, file.name.split(".")[0])


def _lines(spool: IO[bytes], name: str) -> Iterator[bytes]:
    read = gzip.open(spool) if name.lower().endswith(".gz") else spool
    taken = 0
    while line := read.readline(LONGEST_LINE + 1):
        taken += len(line)
        if taken > LARGEST_FILE:
            raise OSError(f"{name} expands to more than {LARGEST_FILE} bytes")
        yield line
