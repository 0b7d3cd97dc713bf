"""How addresses compare (R34): e-mail in one spelling, phone numbers in E.164, postal addresses part by part."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import idna
import phonenumbers

from optkeeper import registry, settings
from optkeeper.landing import countries
from optkeeper.sources.stream import RawAddress

LONGEST_SPELLING = 1000  # bytes; an index holds it
LONGEST_EMAIL = 320  # characters: 64 before the @ and 255 behind it
# What lower(btrim(...)) in SQL already brings to its compared form: letters, digits and hyphens as IDNA leaves them.
_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_EMAIL = re.compile(rf"^[ \t\r\n]*[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+[ \t\r\n]*$")
# no sign that only a quoted local part may hold: it parts addresses, or one from other words
_SHAPE = re.compile(r"^[^\s@,;:|<>()\[\]\"\\]+@[^\s@]+$")
# a name that holds an @ names another address
_NAMED = re.compile(r"^[^<>@]*<([^<>]*)>$")
_MAILTO = re.compile(r"^mailto:([^?]*)(?:\?.*)?$", re.IGNORECASE)
_EMAIL_WITHIN = re.compile(r"[^\s@,;:|/<>()\[\]{}\"'\\]{1,64}@[^\s@,;:|/<>()\[\]{}\"'\\]{3,255}")
_BETWEEN_PHONES = re.compile(r"[;,/|&\r\n\t]+|\s+(?:of|en|or|and|und|oder|et|ou)\s+", re.IGNORECASE)
# what a spreadsheet makes of a number that it holds as a float
_FLOAT = re.compile(r"(\+?\d{6,})[.,]0+")
# every kind of blank, as the macro `blanks` names it
_BLANK = "[ \t\n\r\f\v\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]"
_SCIENTIFIC = re.compile(r"\+?\d(?:[.,](\d+))?[eE]\+?(\d{1,3})")


def is_plain_email(raw: str) -> bool:
    """Whether SQL alone can bring this spelling to its compared form."""
    return len(raw.strip()) <= LONGEST_EMAIL and _PLAIN_EMAIL.match(raw) is not None


def email(raw: str) -> str | None:
    """The compared form of an e-mail address, or None where it is none."""
    if len(raw) > LONGEST_SPELLING:
        return None
    bare = _bare(raw)
    if len(bare) > LONGEST_EMAIL or not _SHAPE.match(bare):
        return None
    local, _, domain = bare.rpartition("@")
    try:
        # UTS 46 folds the case itself, and leaves ß as it is
        ascii_domain = idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    if "." not in ascii_domain or ascii_domain.endswith("."):
        return None
    return f"{unicodedata.normalize('NFC', local.casefold())}@{ascii_domain.casefold()}"


def _bare(raw: str) -> str:
    """The address without what is around it: blanks of every kind, a name, brackets, `mailto:`, a final dot."""
    text = _visible(raw)
    if (named := _NAMED.match(text)) is not None:
        text = named[1].strip()
    if (mailto := _MAILTO.match(text)) is not None:
        text = _visible(unquote(mailto[1]))
    return text.removesuffix(".")


def _visible(raw: str) -> str:
    """In NFC, without characters that nobody sees, without blanks around."""
    text = unicodedata.normalize("NFC", raw)
    if not text.isascii():
        text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    return text.strip()


def phone(raw: str, country: str | None = None) -> str | None:
    """The E.164 form of a phone number; None where it is none, or where a spreadsheet lost some of its digits.

    Args:
        raw: as spelled.
        country: by which a national number is read (ISO 3166 alpha-2), None for the policy's default country. By a
            country that cannot be read (`ZZ`, R41) or that has no plan of numbers only an international one is read.
    """
    region = (country or "").strip().upper() or default_country()
    spelled = _digits_of_float(_visible(raw[:LONGEST_SPELLING]))
    if spelled is None:
        return None
    try:
        number = phonenumbers.parse(spelled, region if region in phonenumbers.SUPPORTED_REGIONS else None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits_of_float(text: str) -> str | None:
    """The number that a spreadsheet spelled as a float; None where it lost digits, any other text as it is."""
    if (whole := _FLOAT.fullmatch(text)) is not None:
        return whole[1]
    if (scientific := _SCIENTIFIC.fullmatch(text)) is None:
        return text
    decimals, exponent = scientific[1] or "", int(scientific[2])
    is_exact = exponent <= len(decimals) and not decimals[exponent:].strip("0")
    return format(Decimal(text.replace(",", ".")).to_integral_value(), "f") if is_exact else None


def default_country() -> str:
    """The policy's country for what names none (R34), in force today.

    Raises:
        LookupError: no row is in force.
    """
    return _default_country(registry.state("policy"), datetime.now(settings.BUSINESS_TIME_ZONE).date())


@lru_cache(maxsize=8)
def _default_country(state: tuple[Path, int, int], day: date) -> str:
    own = settings.DBT_PROJECT / "seeds" / "policy" / "policy.csv"
    stated = [row for row in registry.rows("policy") if row["key"] == "default_country"]
    # a registry that does not name the key takes the project's own rows, as a build does
    for row in stated or [row for row in registry.read(own) if row["key"] == "default_country"]:
        is_general = (row["country"], row["channel"]) == ("*", "*")
        if is_general and row["valid_from"] <= day.isoformat() <= (row["valid_to"] or "9999"):
            return row["value"].strip()
    raise LookupError(f"policy.csv has no row in force on {day} for default_country")


def compared(address: RawAddress) -> str | None:
    """The compared form of an address as a record spells it."""
    return phone(address.raw, address.country) if address.kind == "phone" else email(address.raw)


def within(address: RawAddress) -> list[str]:
    """The addresses that can be read in a spelling that is not one address, in their compared forms (R27).

    A telephone number is found only where a separator sets it apart. With a country that cannot be read it restricts
    the number that it is in the default country (R41).
    """
    if address.kind == "email":
        visible = _visible(address.raw)
        spellings = (visible, unquote(visible)) if "%40" in visible else (visible,)
        read = (email(part.strip(".")) for text in spellings for part in _EMAIL_WITHIN.findall(text))
    else:
        country = None if address.country == countries.UNREADABLE else address.country
        read = (phone(part, country) for part in _BETWEEN_PHONES.split(address.raw) if part)
    return list(dict.fromkeys(found for found in read if found))


def base(address: str) -> str:
    """The address by which restrictions compare: an e-mail address without its plus-tag (R34)."""
    return re.sub(r"^([^+@]+)\+[^@]*@", r"\1@", address)


def postal(address: Mapping[str, Any]) -> str | None:
    """The compared form of a postal address: country, postcode, house number, addition; None where they lack (R34)."""
    postcode, number = address.get("postcode"), address.get("house_number")
    if not postcode or not number:
        return None
    country = countries.code(str(address.get("country") or "")) or default_country()
    addition = re.sub(r"[^0-9A-Za-z]", "", str(address.get("addition") or ""))
    return "|".join(
        part.upper()
        for part in (
            country,
            re.sub(r"\.0+$|[^0-9A-Za-z]", "", str(postcode)),
            re.sub(rf"\.0+$|{_BLANK}", "", str(number)),
            addition,
        )
    )
