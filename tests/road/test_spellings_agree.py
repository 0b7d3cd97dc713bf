"""R34, R41: what Python normalises and what SQL normalises is one, over the same inputs."""

import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from optkeeper.landing import addresses, countries
from optkeeper.sources.canonical_feed import _addresses
from optkeeper.sources.stream import Received

from tests.road.road import road

LOCALS = [
    "anna",
    "Anna.Bos",
    "ANNA+Tag",
    "rené",
    "rene\u0301",
    "RENÉ",
    "straße",
    "anna\u200bbos",
    "o'neil",
    "a b",
    "\u0130nci",
]
DOMAINS = [
    "noord.example", "NOORD.Example", "bücher.example", "xn--bcher-kva.example", "BU\u0308CHER.example", "straße.example",
    "noord.example.", "noord..example", "localhost", "-noord.example", "no--ord.example", "xn--zzz-.example",
    "noord\u3002example", "no\u00adord.example", "n_d.example", "a" * 64 + ".example",
]  # fmt: skip
AROUND = [
    ("", ""), (" ", "\t"), ("\u00a0", "\u2003"), ("\ufeff", "\u200b"), ("<", ">"), ("mailto:", ""), ("MAILTO:", "?subject=Af"),
    ("Bos, Anna <", ">"), ('"Bos, Anna" <', "> "), ("<mailto:", ">"), ("", "."), ("x@y.example <", ">"), ("", ";"),
    ("", "; tim@noord.example"), ("e-mail: ", ""),
]  # fmt: skip
PHONES = [
    "+31612345671", "0612345672", "31612345671.0", "612345672.0", "3.1612345673E+10", "3,1612345673E+10", "3.16E+10",
    "316123456.5", "+31612345674.00", "0201234599 / 0612345677", "020-1234567", "0032 470 12 34 57", "0470 12 34 57",
    "\u200b0612345678", "\u00a0+31 6 12345679", "tel:+31612345680", "nummer onbekend", "-", "1E3", "06 12 34 56 78 (werk)",
]  # fmt: skip
COUNTRIES = [
    "", "NL", "nl ", "Nederland", "NEDERLAND", "Netherlands", "The Netherlands", "Pays-Bas", "Niederlande", "België", "BELGIË",
    "Belgie\u0308", "Belgique", "DEU", "Deutschland", "Duitsland", "Allemagne", "germany", "U.S.A.", "V.S.", "UK", "u k",
    "Österreich", "Oesterreich", "Côte d’Ivoire", "-", "n/a", "N.V.T.", "\u2013", "onbekend", "Atlantis", "ZZ", "XX", "NA",
    "Ελλάδα", "276", "Frankrijk\u00a0", "\u200bNL", "AQ", "Großbritannien", "D", " ", "(NL)", "Nederland\n",
]  # fmt: skip
POSTALS = [("1012 AB", "5", ""), ("1012ab", "5.0", "-hs"), ("2000.0", "12 ", "Bus 3"), ("1012AB", "5\u00a0", "é")]


def _contacts() -> list[dict[str, Any]]:
    chosen = random.Random(34)
    emails = [
        f"{before}{local}@{domain}{behind}" for local in LOCALS for domain in DOMAINS for before, behind in AROUND
    ]
    found: list[dict[str, Any]] = [{"email": one} for one in chosen.sample(emails, 900)]
    found += [{"phone": phone, "country": country} for phone in PHONES for country in COUNTRIES]
    for country in COUNTRIES:
        for postcode, number, addition in POSTALS:
            postal = {"country": country, "postcode": postcode, "house_number": number, "addition": addition}
            found.append({"postal": postal, "country": chosen.choice(COUNTRIES)})
    named = chosen.sample(sorted(countries.names()), 400)
    found += [{"email": "anna@noord.example", "country": one.upper()} for one in named]
    marks = "".join(chr(sign) for sign in range(32, 0x2100) if unicodedata.category(chr(sign)) not in ("Cc", "Cs"))
    found += [
        {"email": "anna@noord.example", "country": "".join(chosen.choices(marks, k=chosen.randint(1, 6)))}
        for _ in range(400)
    ]
    return found


CONTACTS = _contacts()


@pytest.fixture(scope="module")
def read() -> Iterator[list[tuple[Any, ...]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled:
        records = [
            Received("canonical.events", f"e{place}", payload, _addresses(payload))
            for place, payload in enumerate(
                {"event_id": f"e{place}", "source": "web", "type": "contact_upserted", "contact": contact}
                for place, contact in enumerate(CONTACTS)
            )
        ]
        travelled.stream("web", records)
        travelled.build("int_events__received")
        with travelled.connected() as connection:
            yield connection.execute(
                "select email, phone, country, postal from intermediate.int_events__received"
                " order by cast(substring(event_id from 2) as integer)"
            ).fetchall()


def _expected(contact: dict[str, Any]) -> tuple[Any, ...]:
    country = countries.code(contact.get("country"))
    postal = dict(contact.get("postal", {}))
    if postal and countries.code(postal["country"]) is None:
        postal["country"] = country or ""
    return (
        addresses.email(contact["email"]) if "email" in contact else None,
        addresses.phone(contact["phone"], country) if "phone" in contact else None,
        country,
        addresses.postal(postal) if postal else None,
    )


def test_python_and_sql_read_every_spelling_alike(read: list[tuple[Any, ...]]) -> None:
    differing = [
        (contact, expected, got)
        for contact, got in zip(CONTACTS, read, strict=True)
        if (expected := _expected(contact)) != got
    ]
    assert not differing, f"{len(differing)} of {len(CONTACTS)}, such as {differing[:5]}"
