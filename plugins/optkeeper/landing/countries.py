"""Countries as people write them (R41): two or three letters, or the name in Dutch, English, German or French.

The names are those of CLDR (Babel) and of ISO 3166 with its official names and translations (pycountry). The models
read the same names as the seed `country_names`, which this module writes:
`python -m optkeeper.landing.countries > dbt_project/seeds/country_names.csv`.
"""

import csv
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TextIO

from optkeeper import registry, settings

UNREADABLE = "ZZ"
LANGUAGES = ("nl", "en", "de", "fr")

# Usual spellings that neither library knows.
_USUAL = {
    "NL": ("Holland", "Nederlanden"),
    "BE": ("Vlaanderen", "Flanders", "Wallonie", "Wallonië"),
    "DE": ("BRD",),
    "GB": ("UK", "Great Britain", "Groot-Brittannië", "Großbritannien", "Grande-Bretagne", "England", "Engeland",
           "Angleterre", "Scotland", "Schotland", "Schottland", "Écosse", "Wales", "Northern Ireland", "Noord-Ierland",
           "Nordirland", "Irlande du Nord", "VK", "United Kingdom of Great Britain"),
    "US": ("USA", "VS", "America", "Amerika", "Amérique", "Verenigde Staten van Amerika", "États-Unis d'Amérique",
           "Vereinigte Staaten von Amerika"),
    "AE": ("UAE", "VAE", "Emirates"),
    "BQ": ("Bonaire", "Saba", "Sint Eustatius"),
    "BY": ("Weißrussland",),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "MM": ("Burma", "Birma", "Birmanie"),
    "PS": ("Palestina", "Palestine", "Palästina"),
    "SZ": ("Swaziland",),
    "GR": ("EL",),
    "CZ": ("Czech Republic", "Tsjechische Republiek"),
    "CH": ("Helvetia",),
    "IE": ("Eire", "Republic of Ireland"),
    "TR": ("Turkey", "Türkei"),
    "MK": ("Macedonia", "Macedonië", "Mazedonien", "Macédoine"),
    "KR": ("South Korea", "Zuid-Korea", "Südkorea", "Corée du Sud"),
    "RU": ("Russia", "Rusland", "Russland", "Russie"),
}  # fmt: skip
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "Æ": "ae", "Œ": "oe", "Ø": "o", "Ł": "l"}
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_INITIALS = re.compile(r"[a-z](?: [a-z])+")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_SAYS_NOTHING = re.compile(r"[\s\-\u2013\u2014.,_*?/\\()'\"]*")


def folded(text: str) -> str:
    """The spelling by which names compare: without accents, in small letters, one blank for what is no letter.

    The macro `folded_name` does the same in SQL.
    """
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
    lower = "".join(chr(ord(sign) + 32) if "A" <= sign <= "Z" else sign for sign in plain)
    return _BETWEEN.sub(" ", lower).strip(" ")


def states_nothing(text: str) -> bool:
    """Whether a text only fills its field, as `-` or `n/a` does."""
    return _SAYS_NOTHING.fullmatch(text) is not None or folded(text) in _placeholders()


@lru_cache(maxsize=10_000)
def code(text: str | None) -> str | None:
    """The country that a text names, as ISO 3166 alpha-2: `ZZ` where it cannot be read, None where it names none."""
    if text is None or states_nothing(text):
        return None
    spelling = folded(text)
    # U.S.A. is USA
    return names().get(spelling.replace(" ", "") if _INITIALS.fullmatch(spelling) else spelling, UNREADABLE)


@cache
def names() -> Mapping[str, str]:
    """Each folded spelling with its country; one that names several countries is left out, and so unreadable."""
    found: dict[str, set[str]] = {}
    for country, spelling in _spellings():
        for key in {folded(spelling), folded(spelling.translate(_UMLAUTS))}:
            for variant in {key, key.removeprefix("the "), f"the {key}"} if len(key) > 3 else {key}:
                found.setdefault(variant, set()).add(country)
    # a code is that country's own, whatever else it spells
    own = {folded(one): country for country, ones in _codes().items() for one in ones}
    read = {spelling: next(iter(of)) for spelling, of in found.items() if len(of) == 1 and spelling}
    return MappingProxyType(dict(sorted((read | own).items())))


@cache
def _placeholders() -> frozenset[str]:
    rows = registry.read(settings.DBT_PROJECT / "seeds" / "placeholders.csv")
    return frozenset(folded(row["placeholder"]) for row in rows)


@cache
def _codes() -> Mapping[str, tuple[str, ...]]:
    import pycountry

    return {one.alpha_2: (one.alpha_2, one.alpha_3) for one in pycountry.countries} | {"XK": ("XK", "XKX")}


def _spellings() -> Iterator[tuple[str, str]]:
    import gettext

    import pycountry
    from babel import Locale

    known = set(_codes())
    for language in LANGUAGES:
        yield from ((key, name) for key, name in Locale(language).territories.items() if key in known)
    translations = [gettext.NullTranslations()] + [
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
        for language in LANGUAGES
        if language != "en"
    ]
    for one in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            name = getattr(one, attribute, None)
            if name:
                for translation in translations:
                    translated = translation.gettext(name)
                    yield one.alpha_2, translated
                    # `Russie, Fédération de` is written the other way round as well
                    head, comma, tail = translated.partition(", ")
                    if comma:
                        yield one.alpha_2, f"{tail} {head}"
    for country, usual in _USUAL.items():
        yield from ((country, spelling) for spelling in usual)


def write(target: TextIO) -> None:
    """Writes the seed `country_names`."""
    lines = csv.writer(target, lineterminator="\n")
    lines.writerow(("folded_name", "country"))
    lines.writerows(names().items())


if __name__ == "__main__":
    write(sys.stdout)
