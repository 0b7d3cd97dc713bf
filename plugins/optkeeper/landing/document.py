"""JSON documents kept exact: decoding, encoding, the canonical form and its digest.

The canonical form is that of RFC 8785 (sorted keys, no white space, UTF-8), with one difference: a
number is written exactly, not as the nearest double, so that two long identifiers never look alike.
It can be computed again from what PostgreSQL stores as jsonb, which keeps neither key order nor spelling.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import msgspec

_EXACT = Context(prec=2000)
_LARGEST_EXPONENT = 1000
LONGEST_NUMBER = 1000  # characters
DEEPEST = 64
_PLAIN_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SORTED_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_MAYBE_DECIMAL = re.compile(rb"[:,\[ ]-?[0-9]+[.eE]")
_MAYBE_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{%d}" % LONGEST_NUMBER)
# Delivery metadata of the canonical feed; not part of what was said, so a redelivery is the same record (R9).
_NOT_DIGESTED = "received_at"


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


_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_NORMALISING_DECODER = msgspec.json.Decoder(float_hook=_exact_number)


def decode(text: bytes) -> Any:
    """The value of a JSON text, with exact numbers.

    Raises:
        MalformedDocument: not JSON, or not UTF-8.
    """
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError, ValueError):
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


def _keys_once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise RepeatedKey("a key stands twice in one object")


_KEYS = json.JSONDecoder(object_pairs_hook=_keys_once, parse_float=str, parse_int=str)


def encode(value: Any) -> bytes:
    """A JSON text of a value, numbers as they were spelled."""
    return _PLAIN_ENCODER.encode(value)


def canonical(payload: Mapping[str, Any]) -> bytes:
    """The canonical form of a record, without the delivery's own `received_at`.

    Raises:
        MalformedDocument: it holds what PostgreSQL cannot store (NUL, a number out of range).
    """
    if _NOT_DIGESTED in payload:
        payload = {key: value for key, value in payload.items() if key != _NOT_DIGESTED}
    if _depth(payload) > DEEPEST:
        raise MalformedDocument(f"it is nested deeper than {DEEPEST} levels")
    try:
        text = _SORTED_ENCODER.encode(payload)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a lone surrogate
        raise MalformedDocument("a number is out of range") from None
    if _MAYBE_LONG_NUMBER.search(text) and _has_long_number(payload):
        raise MalformedDocument("a number is out of range")
    if b"\\u0000" in text and b"\\u0000" in text.replace(b"\\\\", b""):
        raise MalformedDocument("a text holds the NUL character")
    if _MAYBE_DECIMAL.search(text):
        try:
            text = _SORTED_ENCODER.encode(_NORMALISING_DECODER.decode(text))
        except (ArithmeticError, msgspec.ValidationError):
            raise MalformedDocument("a number is out of range") from None
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
