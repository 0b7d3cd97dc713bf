"""What can still be read of a record that breaks its contract (R27, R9).

A restriction survives whatever its record suffers: where a type that restricts and an address can be read, they are
stored as a canonical event of their own, marked as broken. An unreadable date makes it undated, an unreadable scope is
all. What can only permit is stored by its id alone: as the newest version it stands, and permits nothing. Which types
do what is a column of `event_types.csv`; whom and what a restriction then binds the models decide, as of any other.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from typing import Any

from optkeeper import registry, settings
from optkeeper.landing import addresses, countries, document
from optkeeper.sources.stream import Excerpt, RawAddress

LONGEST_ID = 1000  # bytes, of an id within its source
LONGEST_WORD = 200  # characters, of a scope or a moment
# The spellings that the models read; fromisoformat alone would let week dates and more pass.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_MEMBER = re.compile(
    r"""(?P<q>["'])(?P<key>[^"'\\]{1,64})(?P=q)\s*:\s*"""
    r"""(?:"(?P<double>(?:[^"\\]++|\\.)*+)"?|'(?P<single>(?:[^'\\]++|\\.)*+)'?|(?P<bare>[^\s,\[\]{}"']+))""",
    re.DOTALL,
)
_NOT_ABOUT_THE_PERSON = ("evidence", "refers_to", "source", "type", "event_id")
_BETWEEN = re.compile(r"[\s,]*")
_SCOPE = ("channel", "purpose", "brand")
_POSTAL = ("country", "postcode", "house_number", "addition")


@dataclass(frozen=True, slots=True)
class _Scalar:
    path: tuple[str, ...]
    value: Any

    @property
    def text(self) -> str:
        if isinstance(self.value, bool) or self.value is None:
            return ""
        if isinstance(self.value, Decimal) and self.value.is_finite() and abs(self.value.adjusted()) < 30:
            return format(self.value, "f")
        return str(document.storable(str(self.value)))


def moment(text: str) -> str:
    """A text as Python reads it, where it is an RFC 3339 moment, a local date and time, or a date; else nothing."""
    # RFC 3339 knows leap seconds and small letters, Python does not
    spelled = text.strip().upper().replace(":60", ":59")
    if not MOMENT.fullmatch(spelled):
        return ""
    try:
        datetime.fromisoformat(spelled)
    except ValueError:
        return ""
    return spelled


def is_moment(text: str) -> bool:
    """Whether a text is a moment as the models read it."""
    return moment(text) != ""


@cache
def when_broken() -> Mapping[str, str]:
    """What a broken record of each canonical type still does: `restricts`, `displaces`, or nothing (not named)."""
    rows = registry.read(settings.DBT_PROJECT / "seeds" / "event_types.csv")
    return {row["event_type"]: row["when_broken"] for row in rows if row["when_broken"]}


def restricts(event_type: str) -> bool:
    """Whether a type is honoured also from a record that breaks its contract."""
    return when_broken().get(event_type) == "restricts"


def type_in(text: str) -> str | None:
    """The canonical type that a text means, whatever its capitals and separators; None where it is none that counts."""
    spelled = re.sub(r"[\s_.-]+", "_", text.strip().casefold())
    return spelled if spelled in when_broken() else None


def of_json(text: bytes, fallback_id: str) -> tuple[Excerpt, ...]:
    """What can be read of a canonical event as JSON, whole or not, in its first members or its last.

    Args:
        text: the line as received.
        fallback_id: what names it where it names no id of its own.
    """
    documents = _documents(text)
    if len(documents) == 1:
        return _of_scalars(documents[0], fallback_id)
    return tuple(
        part for number, scalars in enumerate(documents, 1) for part in _of_scalars(scalars, f"{fallback_id}/{number}")
    )


def of_cells(
    cells: Mapping[str, str], texts: Iterable[str], fallback_id: str, country: str | None
) -> tuple[Excerpt, ...]:
    """What can be read of a row of a table.

    Args:
        cells: canonical field → text, as far as the row's cells can be told apart, with what the registry says of all.
        texts: all that the row holds, in which e-mail addresses are looked for.
        fallback_id: what names the row where it names no id of its own.
        country: by which its telephone numbers are read, in any spelling.
    """
    kind = type_in(cells.get("event_type", ""))
    if kind is None:
        return ()
    emails = _emails(texts)
    phone = cells.get("phone_text", "")
    phones = [phone] if phone and addresses.within(RawAddress("phone", phone, countries.code(country))) else []
    postal = {part: cells.get(f"postal_{part}", "") for part in _POSTAL}
    return _event(
        kind,
        _usable_id(cells.get("event_id", "")) or fallback_id,
        emails=emails,
        phones=phones,
        postal=postal if addresses.postal(postal) else {},
        country=country,
        given={name: cells.get(name, "") for name in (*_SCOPE, "bounce", "source_contact_id")},
        occurred_at="",
        refers_to={name: cells.get(f"refers_to_{name}", "") for name in ("event_id", "batch")},
    )


def of_restriction(
    event_type: str,
    fallback_id: str,
    emails: Sequence[str] = (),
    *,
    phones: Sequence[str] = (),
    country: str | None = None,
    channel: str = "email",
) -> tuple[Excerpt, ...]:
    """A restriction that a connector's own reading finds in a broken record; nothing where it names no address.

    It is of one channel, and a bounce of e-mail among them is a hard one.

    Args:
        country: by which the telephone numbers are read, in any spelling.
    """
    return _event(
        event_type, fallback_id, emails=_emails(emails), phones=phones, postal={},
        country=country, given={"channel": channel, "bounce": "hard"}, occurred_at="", refers_to={},
    )  # fmt: skip


def broken_id(raw: bytes) -> str:
    """A name for a broken record that names none of its own: the digest of what was received."""
    return f"broken/{hashlib.sha256(raw).hexdigest()}"


def _documents(text: bytes) -> list[list[_Scalar]]:
    """What stands in each JSON object of a line: one, several behind each other or in a list, or a torn one."""
    spelled = text.decode("utf-8", "replace").replace("\x00", "").lstrip("\ufeff")
    trees: list[Any] = []
    at = 0
    try:
        while at < len(spelled):
            tree, at = _READER.raw_decode(spelled, at)
            trees += [tree] if isinstance(tree, _Pairs) or not isinstance(tree, list) else tree
            between = _BETWEEN.match(spelled, at)
            at = between.end() if between is not None else len(spelled)
    except (ValueError, RecursionError, ArithmeticError):
        return [_torn(spelled)]
    objects = [tree for tree in trees if isinstance(tree, _Pairs)]
    return [list(_walked(tree, (), 0)) for tree in objects] or [_torn(spelled)]


def _torn(spelled: str) -> list[_Scalar]:
    """The members that can be told apart in a text that is no JSON."""
    found = []
    for member in _MEMBER.finditer(spelled):
        value = member["double"] if member["double"] is not None else member["single"]
        value = member["bare"] if value is None else re.sub(r"\\(.)", r"\1", value)
        found.append(_Scalar((member["key"],), value))
    # quotes may be so broken that no member can be told apart: what the text says by itself still counts
    if not any(one.path == ("type",) and type_in(one.text) for one in found):
        found += [_Scalar(("type",), word) for word in _type_words().findall(spelled)]
    if not any("@" in one.text for one in found):
        found.append(_Scalar(("text",), spelled))
    return found


@cache
def _type_words() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(kind for kind in when_broken() if restricts(kind))})\b", re.IGNORECASE)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order, repeated ones too."""


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) < document.LONGEST_NUMBER else digits


_READER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_float=Decimal, parse_int=_whole, strict=False)


def _walked(value: Any, path: tuple[str, ...], depth: int) -> Iterator[_Scalar]:
    if depth > document.DEEPEST:
        return
    if isinstance(value, _Pairs):
        for key, item in value:
            yield from _walked(item, (*path, key), depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _walked(item, path, depth + 1)
    else:
        yield _Scalar(path, value)


def _of_scalars(scalars: Sequence[_Scalar], fallback_id: str) -> tuple[Excerpt, ...]:
    kind = _kind(scalars)
    if kind is None:
        return ()
    about = [one for one in scalars if one.path and one.path[0] not in _NOT_ABOUT_THE_PERSON]
    emails = _emails(one.text for one in _named(about, "email")) or _emails(one.text for one in about)
    country = _single(one.text for one in about if one.path[-1] == "country" and "postal" not in one.path)
    postal = {
        part: _single(one.text for one in about if "postal" in one.path and one.path[-1] == part) for part in _POSTAL
    }
    given = {
        name: _single(one.value if isinstance(one.value, str) else "" for one in _named(scalars, name))
        for name in _SCOPE
    }
    given["source_contact_id"] = _single(one.text for one in _named(about, "source_contact_id"))
    # a bounce that is not clearly soft is taken as hard
    bounce = {one.text.strip().casefold() for one in _named(scalars, "bounce") if one.value is not None}
    given["bounce"] = "" if not bounce else "soft" if bounce == {"soft"} else "hard"
    moments = {one.text.strip() for one in _named(scalars, "occurred_at") if one.value is not None}
    receipts = {one.text.strip() for one in _named(scalars, "received_at") if one.value is not None}
    referred = [one for one in scalars if "refers_to" in one.path[:-1] or len(one.path) == 1]
    return _event(
        kind,
        _usable_id(_single(one.text for one in scalars if one.path == ("event_id",))) or fallback_id,
        emails=emails,
        phones=[one.text for one in _named(about, "phone") if one.text.strip()],
        postal=postal if addresses.postal(postal) else {},
        country=country or None,
        given=given,
        occurred_at=moment(_single(moments)),
        received_at=moment(_single(receipts)),
        source=_usable_id(_single(one.text for one in scalars if one.path == ("source",))),
        refers_to={
            name: _single(one.text for one in _named(referred, name) if one.path != ("event_id",))
            for name in ("event_id", "batch")
        },
    )


def _kind(scalars: Sequence[_Scalar]) -> str | None:
    """The type; of several the one that ends most, and where `type` holds none, a restriction named elsewhere."""
    named = [type_in(one.text) for one in scalars if one.path == ("type",)]
    restricting = [kind for kind in when_broken() if restricts(kind)]
    if not any(named):
        at_the_top = (type_in(one.text) for one in scalars if len(one.path) == 1)
        named = [kind for kind in at_the_top if kind is not None and restricts(kind)]
    return next((kind for kind in restricting if kind in named), next((kind for kind in named if kind), None))


def _named(scalars: Iterable[_Scalar], name: str) -> list[_Scalar]:
    return [one for one in scalars if one.path and one.path[-1] == name]


def _single(texts: Iterable[str]) -> str:
    """The one text that is there; nothing where there is none or several that differ."""
    distinct = {text.strip() for text in texts} - {""}
    return distinct.pop() if len(distinct) == 1 else ""


def _emails(texts: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for text in texts:
        cleaned = str(document.storable(text))
        whole = addresses.email(cleaned)
        found.update(dict.fromkeys([whole] if whole else addresses.within(RawAddress("email", cleaned))))
    return list(found)


def _usable_id(text: str) -> str:
    return text if text and len(text.encode("utf-8", "replace")) <= LONGEST_ID and not CONTROL.search(text) else ""


def _event(
    kind: str,
    event_id: str,
    *,
    emails: Sequence[str],
    phones: Sequence[str],
    postal: Mapping[str, str],
    country: str | None,
    given: Mapping[str, str],
    occurred_at: str,
    refers_to: Mapping[str, str],
    received_at: str = "",
    source: str = "",
) -> tuple[Excerpt, ...]:
    event: dict[str, Any] = {"event_id": event_id, "type": kind}
    if received_at:
        event["received_at"] = received_at
    if source:
        event["source"] = source
    if not restricts(kind):
        return () if event_id.startswith("broken/") else (Excerpt(event_id, event),)
    contact: dict[str, Any] = {}
    if country:
        contact["country"] = country[:LONGEST_WORD]
    if postal:
        contact["postal"] = {name: text[:LONGEST_WORD] for name, text in postal.items() if text}
    if _usable_id(given.get("source_contact_id", "")):
        contact["source_contact_id"] = given["source_contact_id"]
    referred = {name: text for name, text in refers_to.items() if _usable_id(text)}
    if referred:
        event["refers_to"] = referred
    if occurred_at:
        event["occurred_at"] = occurred_at
    for name in (*_SCOPE, "bounce"):
        text = given.get(name, "").strip()
        if text and len(text) <= LONGEST_WORD:
            event[name] = text
    numbers = [
        found for text in phones for found in addresses.within(RawAddress("phone", text, countries.code(country)))
    ]
    cells = list(zip_longest(_cells(emails), _cells(numbers)))
    if not cells and (referred or set(contact) - {"country"}):
        cells = [(None, None)]
    return tuple(
        _one(event, contact, e_mail, phone, "" if part == 1 else f"/{part}")
        for part, (e_mail, phone) in enumerate(cells, 1)
    )


def _one(
    event: Mapping[str, Any], contact: Mapping[str, Any], e_mail: str | None, phone: str | None, part: str
) -> Excerpt:
    spelled = [RawAddress("email", e_mail)] if e_mail else []
    if phone:
        spelled.append(RawAddress("phone", phone, countries.code(contact.get("country"))))
    whole = {**contact} | ({"email": e_mail} if e_mail else {}) | ({"phone": phone} if phone else {})
    event_id = f"{event['event_id']}{part}"
    return Excerpt(event_id, document.storable({**event, "event_id": event_id, "contact": whole}), tuple(spelled))


def _cells(texts: Sequence[str]) -> Iterator[str]:
    """Several addresses as cells hold them, each no longer than an index can hold."""
    cell = ""
    for text in dict.fromkeys(texts):
        if cell and len(f"{cell}; {text}".encode()) > addresses.LONGEST_SPELLING:
            yield cell
            cell = ""
        cell = f"{cell}; {text}" if cell else text
    if cell:
        yield cell
