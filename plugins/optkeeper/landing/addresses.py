"""How addresses compare (R34): e-mail trimmed, case-folded and IDNA; phone numbers in E.164."""

import re
from collections.abc import Mapping
from typing import Any

import idna
import phonenumbers

from optkeeper.sources.stream import RawAddress

_DEFAULT_COUNTRY = "NL"
LONGEST_SPELLING = 1000  # bytes; an index holds it
LONGEST_EMAIL = 320  # characters: 64 before the @ and 255 behind it
# What lower(btrim(...)) in SQL already brings to its compared form.
_PLAIN_EMAIL = re.compile(r"^[ \t\r\n]*[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+[ \t\r\n]*$")
# no sign that only a quoted local part may hold: it parts addresses, or one from other words
_SHAPE = re.compile(r"^[^\s@,;:|<>()\[\]\"\\]+@[^\s@]+$")
_EMAIL_WITHIN = re.compile(r"[^\s@,;:|/<>()\[\]{}\"'\\]{1,64}@[^\s@,;:|/<>()\[\]{}\"'\\]{3,255}")
_BETWEEN_PHONES = re.compile(r"[;,/|&\r\n\t]+|\s+(?:of|en|or|and|und|oder|et|ou)\s+", re.IGNORECASE)


def is_plain_email(raw: str) -> bool:
    """Whether SQL alone can bring this spelling to its compared form."""
    return _PLAIN_EMAIL.match(raw) is not None


def email(raw: str) -> str | None:
    """The compared form of an e-mail address, or None where it is none."""
    trimmed = raw.strip()
    if len(trimmed) > LONGEST_EMAIL or not _SHAPE.match(trimmed):
        return None
    local, _, domain = trimmed.rpartition("@")
    try:
        ascii_domain = idna.encode(domain.casefold(), uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    if "." not in ascii_domain:
        return None
    return f"{local.casefold()}@{ascii_domain.casefold()}"


def phone(raw: str, country: str | None = None) -> str | None:
    """The E.164 form of a phone number, read with the record's country, else the Netherlands; None where it is none."""
    region = (country or "").strip().upper() or _DEFAULT_COUNTRY
    if region not in phonenumbers.SUPPORTED_REGIONS:
        region = _DEFAULT_COUNTRY
    try:
        number = phonenumbers.parse(raw[:LONGEST_SPELLING], region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def compared(address: RawAddress) -> str | None:
    """The compared form of an address as a record spells it."""
    return phone(address.raw, address.country) if address.kind == "phone" else email(address.raw)


def within(address: RawAddress) -> list[str]:
    """The addresses that can be read in a spelling that is not one address, in their compared forms (R27).

    A telephone number is found only where a separator sets it apart.
    """
    parts = _EMAIL_WITHIN.findall(address.raw) if address.kind == "email" else _BETWEEN_PHONES.split(address.raw)
    read = (
        email(part.strip(".")) if address.kind == "email" else phone(part, address.country) for part in parts if part
    )
    return list(dict.fromkeys(found for found in read if found))


def base(address: str) -> str:
    """The address by which restrictions compare: an e-mail address without its plus-tag (R34)."""
    return re.sub(r"^([^+@]+)\+[^@]*@", r"\1@", address)


def postal(address: Mapping[str, Any]) -> str | None:
    """The compared form of a postal address: country, postcode, house number, addition; None where they lack (R34)."""
    postcode, number = address.get("postcode"), address.get("house_number")
    if not postcode or not number:
        return None
    country = str(address.get("country") or "").strip() or _DEFAULT_COUNTRY
    addition = re.sub(r"[^0-9A-Za-z]", "", str(address.get("addition") or ""))
    return "|".join(
        part.upper()
        for part in (country, re.sub(r"[^0-9A-Za-z]", "", str(postcode)), re.sub(r"\s", "", str(number)), addition)
    )
