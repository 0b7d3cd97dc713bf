"""Invented people for the demo and the tests: the same persons in every sample system.

Everything is derived from an index, so that two systems that are asked for person 17 agree on who that is.
All addresses end in `.example`; the phone numbers are of a range that is given to nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_FIRST = ("Anna", "Bas", "Carla", "Daan", "Eva", "Frits", "Greet", "Hugo", "Iris", "Jan", "Karin", "Lars", "Mieke",
          "Niels", "Olga", "Pieter", "Quirine", "Ruud", "Sanne", "Teun", "Ursula", "Vera", "Willem", "Xander", "Yara", "Zoë")  # fmt: skip
_LAST = ("Jansen", "de Vries", "van den Berg", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "de Groot", "Bos",
         "Vos", "Peters", "Hendriks", "van Dijk", "Dekker", "Brouwer", "de Wit", "Kramer", "Schouten")  # fmt: skip
_COMPANY = ("Noorderlicht Techniek", "Bouwbedrijf Dijkstra", "Polder & Zonen", "Waterweg Logistiek", "Drukkerij De Zwaan",
            "Kantoorhuis Vermeer", "Zonnepark Beheer", "Machinefabriek Rijn")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person at one invented company."""

    index: int
    first_name: str
    last_name: str
    email: str
    phone: str
    company: str
    country: str
    postcode: str
    house_number: str


def person(index: int) -> Person:
    """The person of an index."""
    first, last = _FIRST[index % len(_FIRST)], _LAST[(index * 7) % len(_LAST)]
    company = _COMPANY[(index * 3) % len(_COMPANY)]
    local = f"{first}.{last}".lower().replace(" ", "").replace("ë", "e")
    domain = company.lower().replace(" & ", "-").replace(" ", "-")
    return Person(
        index=index,
        first_name=first,
        last_name=last,
        email=f"{local}.{index}@{domain}.example",
        phone=f"+3120{3000000 + index}",
        company=company,
        country="DE" if index % 11 == 10 else "NL",
        postcode=f"{1000 + index % 9000} AB",
        house_number=str(1 + index % 200),
    )


def people(count: int, first: int = 0) -> Iterator[Person]:
    """As many persons as asked for, from an index on."""
    return (person(index) for index in range(first, first + count))
