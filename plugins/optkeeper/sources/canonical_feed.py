"""The canonical feed: canonical events as JSON Lines, for home-grown systems; also what `evaluate` reads."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import IO, Annotated, Any

import msgspec

from optkeeper import registry, settings
from optkeeper.landing import countries, document, excerpt
from optkeeper.registry import RegisteredSource
from optkeeper.sources.files.storage import RemoteFile, described, is_safe, open_location, opened_if_new
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    FileOpened,
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
_NUMBERS, _FLAGS = ("seconds_since_delivery",), ("machine",)
# what stands in an index must fit into one
_BOUNDED = {
    "": ("event_id", "source", "batch", "lead_channel", "channel", "purpose", "brand", "message_id"),
    "contact": ("source_contact_id", "email", "phone", "country"),
    "refers_to": ("event_id", "batch", "source_contact_id", "source"),
}
_BOUNCES = ("hard", "soft")
_CLOSELY_READ = ("email_bounced",)
_POSTAL = ("country", "postcode", "house_number", "addition", "street", "city")


def _sound_line() -> type[msgspec.Struct]:
    """What a line that breaks nothing looks like, as far as one pass of the decoder can tell; it asks for less length
    than may be, so that what it refuses is not broken yet."""
    text = Annotated[str, msgspec.Meta(max_length=excerpt.LONGEST_ID // 4)] | None
    word = Annotated[str, msgspec.Meta(max_length=excerpt.LONGEST_WORD)] | None
    flag = bool | None

    def part(name: str, fields: Iterable[str], more: Iterable[tuple[str, Any, Any]] = (), kind: Any = text) -> Any:
        return msgspec.defstruct(name, [*((field, kind, None) for field in fields), *more]) | None

    contact = [("postal", part("Postal", _POSTAL, kind=word), None)]
    evidence = [("opt_out_offered_at_collection", flag, None), ("published_purposes", list[str] | str | None, None)]
    return msgspec.defstruct(
        "SoundLine",
        [
            *((field, text, None) for field in _TEXTS),
            *((field, float | None, None) for field in _NUMBERS),
            *((field, flag, None) for field in _FLAGS),
            ("contact", part("Contact", _PARTS["contact"], contact), None),
            ("evidence", part("Evidence", _PARTS["evidence"], evidence), None),
            ("refers_to", part("RefersTo", _PARTS["refers_to"]), None),
        ],
    )


_SOUND = msgspec.json.Decoder(_sound_line())


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
        sound = _plainly_sound(text, source)
        try:
            payload = _checked(text, source) if sound is None else sound.value
        except _ContractBroken as broken:
            raw = line.rstrip(b"\r\n")
            yield Broken(
                OBJECT, f"{origin}:{number}", broken.reason, broken.detail, raw, broken.field,
                excerpts=excerpt.of_json(raw, excerpt.broken_id(raw)),
            )  # fmt: skip
            continue
        form = None if sound is None else sound.canonical
        yield Received(OBJECT, payload["event_id"], payload, _addresses(payload), None, text, form)


def _checked(text: bytes, source: str | None) -> Mapping[str, Any]:
    if len(text) >= LONGEST_LINE:
        detail = f"The line is longer than {LONGEST_LINE} bytes; only its beginning is kept."
        raise _ContractBroken("line_too_long", detail)
    try:
        payload = document.decode_strictly(text)
    except document.RepeatedKey:
        raise _ContractBroken("repeated_key", "A key stands twice in one object of the line.") from None
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
    _activity_details(payload)
    _evidence_details(payload.get("evidence") or {})
    _bounded_texts(payload)
    if payload["type"] not in _event_types():
        raise _ContractBroken("unknown_type", "The type is none of the canonical event types.", "type")
    _bounce(payload)
    _whom_it_is_for(payload)
    if source is not None and payload["source"] != source:
        raise _ContractBroken("foreign_source", f"The event names another source than {source}.", "source")
    if payload.get("occurred_at") and not excerpt.is_moment(payload["occurred_at"]):
        raise _no_moment("occurred_at")
    if payload.get("received_at") and not _is_receipt(payload["received_at"]):
        raise _no_moment("received_at")
    return payload


def _plainly_sound(text: bytes, source: str | None) -> document.Plain | None:
    """A line that keeps the contract beyond doubt, which is nearly every one; None where a closer look is needed,
    which says what is wrong, if anything is."""
    if len(text) >= LONGEST_LINE:
        return None
    try:
        line: Any = _SOUND.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError, ValueError):
        return None
    if line.type not in _plain_types() or (source is not None and line.source != source):
        return None
    for name in (line.event_id, line.source):
        if not name or name.isspace() or not name.isprintable():
            return None
    if line.occurred_at and not excerpt.is_moment(line.occurred_at):
        return None
    if line.received_at and not _is_receipt(line.received_at):
        return None
    return document.decode_plain(text)


@cache
def _plain_types() -> frozenset[str]:
    """The types that a line may be of without a closer look."""
    return frozenset(kind for kind in _event_types() if kind not in _CLOSELY_READ and not excerpt.restricts(kind))


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


def _activity_details(payload: Mapping[str, Any]) -> None:
    for field in _NUMBERS:
        value = payload.get(field)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
            raise _ContractBroken("wrong_type", f"The field {field} is not a number.", field)
    for field in _FLAGS:
        if not isinstance(payload.get(field), bool | None):
            raise _ContractBroken("wrong_type", f"The field {field} is neither true nor false.", field)


def _bounce(payload: Mapping[str, Any]) -> None:
    """A bounce that is neither hard nor soft may be either: it is told, and taken as hard."""
    if payload["type"] == "email_bounced" and (payload.get("bounce") or "").strip().casefold() not in ("", *_BOUNCES):
        raise _ContractBroken("unknown_value", "The field bounce is neither hard nor soft.", "bounce")


def _whom_it_is_for(payload: Mapping[str, Any]) -> None:
    """A restriction that names nobody where it should is told, and whoever it names elsewhere is restricted.

    A recall names a batch or an event instead (R32).
    """
    if not excerpt.restricts(payload["type"]) or payload["type"] == "consent_revoked":
        return
    contact = payload.get("contact") or {}
    named = (contact.get(field) or "" for field in ("email", "phone", "source_contact_id"))
    if not any(text.strip() for text in named) and not any((contact.get("postal") or {}).values()):
        detail = "A restriction names the address or the contact that it is for, and this one names none."
        raise _ContractBroken("no_address", detail, "contact")


def _evidence_details(evidence: Mapping[str, Any]) -> None:
    if not isinstance(evidence.get("opt_out_offered_at_collection"), bool | None):
        field = "evidence.opt_out_offered_at_collection"
        raise _ContractBroken("wrong_type", f"The field {field} is neither true nor false.", field)
    purposes = evidence.get("published_purposes")
    is_list = isinstance(purposes, list) and all(isinstance(one, str) for one in purposes)
    if not (purposes is None or isinstance(purposes, str) or is_list):
        field = "evidence.published_purposes"
        raise _ContractBroken("wrong_type", f"The field {field} is neither a text nor a list of texts.", field)


def _bounded_texts(payload: Mapping[str, Any]) -> None:
    for part, fields in _BOUNDED.items():
        holder = (payload.get(part) or {}) if part else payload
        for field in fields:
            named = f"{part}.{field}" if part else field
            text = holder.get(field) or ""
            if len(text.encode("utf-8", "replace")) > excerpt.LONGEST_ID:
                detail = f"The field {named} is longer than {excerpt.LONGEST_ID} bytes."
                raise _ContractBroken("too_long", detail, named)
    postal = (payload.get("contact") or {}).get("postal") or {}
    for field in _POSTAL:
        if len(postal.get(field) or "") > excerpt.LONGEST_WORD:
            detail = f"The field contact.postal.{field} is longer than {excerpt.LONGEST_WORD} characters."
            raise _ContractBroken("too_long", detail, f"contact.postal.{field}")
    for field in ("event_id", "source"):
        if excerpt.CONTROL.search(payload[field]):
            raise _ContractBroken("malformed_id", f"The field {field} holds a control character.", field)


def _is_receipt(text: str) -> bool:
    """Whether landing can read a receipt, which `evaluate` takes from the record."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return excerpt.MOMENT.fullmatch(text) is not None and 1 < moment.year < 9999


def _no_moment(field: str) -> _ContractBroken:
    detail = f"The field {field} is neither an RFC 3339 moment nor a local date and time."
    return _ContractBroken("malformed_timestamp", detail, field)


def _addresses(payload: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    """The addresses in the very spelling of the payload: by it the models look their compared form up."""
    contact = payload.get("contact") or {}
    found = []
    if contact.get("email"):
        found.append(RawAddress("email", contact["email"]))
    if contact.get("phone"):
        found.append(RawAddress("phone", contact["phone"], countries.code(contact.get("country"))))
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
                refused = _refused(file)
                if refused is not None:
                    yield refused
                    continue
                with opened_if_new(location, file, ledger) as new:
                    if new is None:
                        continue
                    spool, digest = new
                    yield FileOpened(digest)
                    yield from self._events(spool, file.name, digest)
                    yield FileTaken(digest, file.name, file.size, _stem(file.name), file.modified_at)

    def _events(self, spool: IO[bytes], name: str, digest: bytes) -> Iterator[StreamItem]:
        try:
            yield from read_events(_lines(spool, name), name, self._source.source)
        except _UnreadableFile as problem:
            # The file itself stays where it was delivered; its digest says which one it was.
            yield Broken(OBJECT, name, problem.reason, problem.detail, digest)


def _refused(file: RemoteFile) -> Broken | None:
    """Why a delivered file is not opened, where it is not."""
    raw = described(file)
    if not is_safe(file.name):
        detail = "The file's name leads elsewhere or holds what no name should hold; it is not opened."
        return Broken(OBJECT, ascii(file.name), "unsafe_file_name", detail, raw)
    if not file.name.lower().endswith(_SUFFIXES):
        detail = f"{file.name}: a feed's files end in {', '.join(_SUFFIXES)}; it is not opened."
        return Broken(OBJECT, file.name, "unregistered_file", detail, raw)
    return None


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
