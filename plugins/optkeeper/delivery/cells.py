"""Texts as cells: readable, and never a formula.

A spreadsheet program takes a cell for a formula when it begins with `=`, `+`, `-` or `@`, some also in full-width
spelling, after white space or after invisible characters; and a CSV file that is cut at another separator than its
own has beginnings within its values. Sources are filled in by strangers, so every text is treated.
"""

import re
import unicodedata
from functools import lru_cache
from xml.sax.saxutils import escape

import idna

_BEGINNERS = frozenset("=+-@\N{MINUS SIGN}")
# Also tab, CR and LF: none means anything within a name, and each can begin a cell.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_CHARACTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")
_AFTER_SEPARATOR = re.compile(r"(?<=[;,|\"])(\s*)(?=\S)")
# Most values, told in one look: they begin with a letter or figure, so does what follows a separator, and there is
# nothing in them that no file can hold.
_ORDINARY = re.compile(r"\w(?:[\w .@:/()?=&%“”+-]++|[,;|] ?(?=\w))*+(?<! )")
_REPEATED = 4_096  # texts kept: names of companies, of purposes and of days come back many times in one list
LONGEST_CELL = 32_000  # in units of UTF-16, of which an emoji has two; the format allows 32,767, its escapes included
_ESCAPE_OF_XLSX = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


def readable(address: str) -> str:
    """An e-mail address with its domain as people write it, and not in the spelling of the name servers."""
    local, at, domain = address.rpartition("@")
    if "xn--" not in domain:
        return address
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except (idna.IDNAError, UnicodeError):  # such a name reads as it stands
        return address


def plain(text: str) -> str:
    """The text on one line, without what no file can hold."""
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    return _NOT_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub(" ", text)).strip(" ")


def could_be_formula(text: str) -> bool:
    """Whether a spreadsheet program could take a cell of this text for a formula."""
    if text[:1].isalnum():  # most of all texts
        return False
    for character in text:
        if character.isspace() or unicodedata.category(character) in ("Cf", "Cc"):
            continue
        return unicodedata.normalize("NFKC", character)[0] in _BEGINNERS
    return False


@lru_cache(_REPEATED)
def for_csv(text: str) -> str:
    """The text as a CSV value: an apostrophe stands before whatever could begin a formula.

    That holds for the telephone number `+31201234567` too: it becomes `'+31201234567`, which Excel shows as it is
    instead of as 3,12E+10. An apostrophe that was there before one of these characters gets another before it, so
    that whoever reads the file may drop the first. Names as `'t Hart` stay as they are.
    """
    if _ORDINARY.fullmatch(text):
        return text
    text = plain(text)
    text = _AFTER_SEPARATOR.sub(lambda gap: gap.group(1) + ("'" if could_be_formula(text[gap.end() :]) else ""), text)
    return f"'{text}" if could_be_formula(text.lstrip("'")) else text


def for_xlsx(text: str) -> str:
    """The text as a spreadsheet holds it: no longer than a cell may be."""
    text = plain(text)
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_CELL:
        return text
    # half a sign at the cut is none
    return f"{units[: 2 * (LONGEST_CELL - 1)].decode('utf-16-le', 'ignore')}…"


@lru_cache(_REPEATED)
def escaped_for_xlsx(text: str) -> str:
    """That text as it stands within XML; what looks like the format's own escape is escaped."""
    if not _ORDINARY.fullmatch(text) or len(text) > LONGEST_CELL // 2:
        text = escape(for_xlsx(text))
    elif "&" in text:
        text = escape(text)
    return _ESCAPE_OF_XLSX.sub("_x005F_", text) if "_x" in text else text
