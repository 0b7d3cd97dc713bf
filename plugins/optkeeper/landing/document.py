"""JSON documents kept exact: decoding, encoding, the canonical form and its digest.

The canonical form is that of RFC 8785 (sorted keys, no white space, UTF-8), with one difference: a
number is written exactly, not as the nearest double, so that two long identifiers never look alike.
It can be computed again from what PostgreSQL stores as jsonb, which keeps neither key order nor spelling.
"""

import hashlib
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import msgspec

_EXACT = Context(prec=2000)
_LARGEST_EXPONENT = 1000
_PLAIN_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SORTED_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")
_MAYBE_DECIMAL = re.compile(rb"[:,\[ ]-?[0-9]+[.eE]")
# Delivery metadata of the canonical feed; not part of what was said, so a redelivery is the same record (R9).
_NOT_DIGESTED = "received_at"


class MalformedDocument(ValueError):
    """The text is no JSON document that can be stored; the message holds nothing of its content."""


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
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
        raise MalformedDocument("the text is not a whole JSON document in UTF-8") from None


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
    text = _SORTED_ENCODER.encode(payload)
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
