"""JSON documents kept exact: decoding, encoding, the canonical form and its digest.

The canonical form is that of RFC 8785 (sorted keys, no white space, UTF-8), with one difference: a
number is written exactly, not as the nearest double, so that two long identifiers never look alike.
It can be computed again from what PostgreSQL stores as jsonb, which keeps neither key order nor spelling.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import islice, product
from typing import Any, NamedTuple, Never

import msgspec

_EXACT = Context(prec=2000)
_LARGEST_EXPONENT = 1000
LONGEST_NUMBER = 1000  # characters
DEEPEST = 64
MOST_READINGS = 64  # of a record that repeats keys
_PLAIN_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SORTED_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_MAYBE_DECIMAL = re.compile(rb"[:,\[ ]-?[0-9]+[.eE]")
_KEY_APART = re.compile(rb'"[ \t\r\n]+:')
_MAYBE_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{%d}" % LONGEST_NUMBER)
# Delivery metadata of the canonical feed; not part of what was said, so a redelivery is the same record (R9).
_NOT_DIGESTED = "received_at"
_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


class MalformedDocument(ValueError):
    """The text is no JSON document that can be stored; the message holds nothing of its content."""


class RepeatedKey(MalformedDocument):
    """An object of the document has a key twice, and which of both is meant nobody knows."""


def _exact_number(text: str) -> Decimal | int:
    number = Decimal(text)
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise MalformedDocument("a number is out of range")
    if number == number.to_integral_value(context=_EXACT):
        return int(number)
    return number.normalize(_EXACT)


def _is_no_whole_number(_: str) -> Never:
    raise ValueError


_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_WHOLE_DECODER = msgspec.json.Decoder(float_hook=_is_no_whole_number)
_NORMALISING_DECODER = msgspec.json.Decoder(float_hook=_exact_number)
_NOT_DECODED = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError, ValueError)


def decode(text: bytes) -> Any:
    """The value of a JSON text, with exact numbers.

    Raises:
        MalformedDocument: not JSON, or not UTF-8.
    """
    try:
        return _DECODER.decode(text)
    except _NOT_DECODED:
        raise MalformedDocument("the text is not a whole JSON document in UTF-8") from None


def decode_strictly(text: bytes) -> Any:
    """The value of a JSON text in which every key stands once.

    Raises:
        RepeatedKey: a key stands twice in one object.
        MalformedDocument: not JSON, or not UTF-8.
    """
    value = decode(text)
    try:
        _KEYS.decode(text.decode())
    except RepeatedKey:
        raise
    except (ValueError, RecursionError):  # what the other reader takes and this one does not
        raise MalformedDocument("the text is not a whole JSON document in UTF-8") from None
    return value


class Plain(NamedTuple):
    """A record whose text holds nothing that asks for a closer look."""

    value: dict[str, Any]
    canonical: bytes


def decode_plain(text: bytes) -> Plain | None:
    """The object of a JSON text in which every key stands once, where that shows at once and it can be stored; else
    None.

    Before each colon that ends a key stands its quotation mark, so a text holds no more keys than it holds `":`; where
    the value holds as many, none was lost. Written again, the value shows its keys in the same way, unless a text in it
    holds a quotation mark, which stands behind a backslash. One that may be nested too deep does not show it.
    """
    if text.count(b"{") + text.count(b"[") > DEEPEST:
        return None
    try:
        value, is_whole = _WHOLE_DECODER.decode(text), True
    except msgspec.ValidationError:  # it holds a decimal number
        try:
            value, is_whole = _DECODER.decode(text), False
        except _NOT_DECODED:
            return None
    except _NOT_DECODED:
        return None
    if not isinstance(value, dict) or _KEY_APART.search(text) is not None:
        return None
    try:
        form = _canonical_of_whole(value) if is_whole else canonical(value)
    except MalformedDocument:
        return None
    members = _members_of(value) if b"\\" in text else form.count(b'":') + (_NOT_DIGESTED in value)
    return Plain(value, form) if members == text.count(b'":') else None


def _members_of(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_members_of(item) for item in value.values() if isinstance(item, dict | list))
    return sum(_members_of(item) for item in value if isinstance(item, dict | list)) if isinstance(value, list) else 0


def _keys_once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise RepeatedKey("a key stands twice in one object")


_KEYS = json.JSONDecoder(object_pairs_hook=_keys_once, parse_float=str, parse_int=str)


class Repeating(dict[str, Any]):
    """An object in which a key stands more than once: the last value of each key, and all members in their order."""

    def __init__(self, members: Sequence[tuple[str, Any]]) -> None:
        super().__init__(members)
        self.members = tuple(members)


def decode_repeating(text: bytes) -> Any:
    """The value of a JSON text, with exact numbers; an object in which a key is repeated is a `Repeating`.

    Raises:
        MalformedDocument: not JSON, or not UTF-8.
    """
    try:
        return decode_strictly(text)
    except RepeatedKey:
        return _REPEATING.decode(text.decode())


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeating(pairs)


_REPEATING = json.JSONDecoder(object_pairs_hook=_members, parse_float=Decimal)


def repeated_key(value: Any) -> str | None:
    """The path of the first key that is repeated, as in `properties.email`; None where each stands once."""
    if isinstance(value, Repeating):
        names = [name for name, _ in value.members]
        return next(name for name in names if names.count(name) > 1)
    if isinstance(value, Mapping):
        found = ((name, repeated_key(item)) for name, item in value.items())
        return next((f"{name}.{path}" for name, path in found if path is not None), None)
    if isinstance(value, list):
        return next((path for path in map(repeated_key, value) if path is not None), None)
    return None


def readings(value: Any) -> list[Any]:
    """What a value with repeated keys may mean, first as a reader takes it who keeps each key's last value.

    Every value that is told stands in one of them at least; they are all combinations, as far as those are few.
    """
    several = [_reading(value, back) for back in range(_most_repeated(value))]
    several += islice(_combinations(value), MOST_READINGS)
    return [reading for place, reading in enumerate(several) if reading not in several[:place]]


def _most_repeated(value: Any) -> int:
    if isinstance(value, Mapping):
        names = [name for name, _ in value.members] if isinstance(value, Repeating) else []
        items = [item for _, item in value.members] if isinstance(value, Repeating) else list(value.values())
        return max([1, *(names.count(name) for name in names), *map(_most_repeated, items)])
    return max([1, *map(_most_repeated, value)]) if isinstance(value, list) else 1


def _told(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Each key with what is told of it, the last first."""
    told: dict[str, list[Any]] = {}
    for name, item in value.members if isinstance(value, Repeating) else value.items():
        told.setdefault(name, []).insert(0, item)
    return told


def _reading(value: Any, back: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _reading(items[min(back, len(items) - 1)], back) for name, items in _told(value).items()}
    return [_reading(item, back) for item in value] if isinstance(value, list) else value


def _combinations(value: Any) -> Iterator[Any]:
    if repeated_key(value) is None:
        yield value
    elif isinstance(value, Mapping):
        told = _told(value)
        each = [
            [one for item in items for one in islice(_combinations(item), MOST_READINGS)] for items in told.values()
        ]
        for chosen in product(*each):
            yield dict(zip(told, chosen, strict=True))
    else:
        for chosen in product(*(list(islice(_combinations(item), MOST_READINGS)) for item in value)):
            yield list(chosen)


def spelled(value: Any) -> bytes:
    """A JSON text of a value in which repeated keys stand as often as they were told."""
    if repeated_key(value) is None:
        return encode(value)
    if isinstance(value, Mapping):
        members = value.members if isinstance(value, Repeating) else value.items()
        return b"{" + b",".join(encode(name) + b":" + spelled(item) for name, item in members) + b"}"
    return b"[" + b",".join(map(spelled, value)) + b"]"


def encode(value: Any) -> bytes:
    """A JSON text of a value, numbers as they were spelled."""
    return _PLAIN_ENCODER.encode(value)


def canonical(payload: Mapping[str, Any]) -> bytes:
    """The canonical form of a record, without the delivery's own `received_at`.

    Raises:
        MalformedDocument: it holds what PostgreSQL cannot store (NUL, a number out of range).
    """
    text = _canonical_of_whole(payload)
    if _MAYBE_DECIMAL.search(text):
        try:
            text = _SORTED_ENCODER.encode(_NORMALISING_DECODER.decode(text))
        except (ArithmeticError, msgspec.ValidationError):
            raise MalformedDocument("a number is out of range") from None
    return text


def _canonical_of_whole(payload: Mapping[str, Any]) -> bytes:
    """The canonical form of a record whose numbers are all whole."""
    if _NOT_DIGESTED in payload:
        payload = dict(payload)
        del payload[_NOT_DIGESTED]
    try:
        text = _SORTED_ENCODER.encode(payload)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a lone surrogate
        if _depth(payload) > DEEPEST:
            raise MalformedDocument(_TOO_DEEP) from None
        raise MalformedDocument("a number is out of range") from None
    if text.count(b"{") + text.count(b"[") > DEEPEST and _depth(payload) > DEEPEST:
        raise MalformedDocument(_TOO_DEEP)
    if len(text) > LONGEST_NUMBER and _MAYBE_LONG_NUMBER.search(text) and _has_long_number(payload):
        raise MalformedDocument("a number is out of range")
    if b"\\u0000" in text and b"\\u0000" in text.replace(b"\\\\", b""):
        raise MalformedDocument("a text holds the NUL character")
    return text


def digest(payload: Mapping[str, Any]) -> bytes:
    """SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(payload)).digest()


def storable(value: Any) -> Any:
    """The value without what PostgreSQL cannot store: NUL, numbers out of range, levels too deep to be meant."""
    return _storable(value, 0)


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping | list) and depth > DEEPEST - 1:
        return None
    if isinstance(value, Mapping):
        return {_storable(str(key), depth): _storable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, Decimal | int) and not isinstance(value, bool) and _is_long(value):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _is_long(number: Decimal | int) -> bool:
    if isinstance(number, int):
        return number.bit_length() > 3 * LONGEST_NUMBER
    return (
        not number.is_finite()
        or len(number.as_tuple().digits) > LONGEST_NUMBER
        or (abs(number.adjusted()) > _LARGEST_EXPONENT)
    )


def _has_long_number(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_long_number(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_long_number(item) for item in value)
    return isinstance(value, Decimal | int) and not isinstance(value, bool) and _is_long(value)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level and deepest <= DEEPEST:
        deepest += 1
        level = [
            item
            for holder in level
            if isinstance(holder, Mapping | list)
            for item in (holder.values() if isinstance(holder, Mapping) else holder)
            if isinstance(item, Mapping | list)
        ]
    return deepest
