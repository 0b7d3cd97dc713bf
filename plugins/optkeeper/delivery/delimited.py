"""The list as CSV, once for people and once for programs; RFC 4180, every value quoted, dates in ISO.

For people: the columns and words of the spreadsheet, separated by `;`, as spreadsheet programs with Dutch settings read
a file that is opened by a click. It begins with a UTF-8 byte order mark; without one Excel reads it as Windows-1252,
shows `ZoÃ«` and saves it so: silent damage.

For programs: columns and codes as in the mart, separated by `,`, without a mark, telephone numbers as E.164.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from optkeeper.delivery.cells import for_csv
from optkeeper.delivery.people import PEOPLE_COLUMNS, shown
from optkeeper.delivery.published import COLUMNS, Invitation
from optkeeper.delivery.wording import Wording

PEOPLE_ENCODING, PEOPLE_SEPARATOR = "utf-8-sig", ";"
PROGRAMS_ENCODING, PROGRAMS_SEPARATOR = "utf-8", ","
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def write_for_people(path: Path, due: Iterable[Invitation], words: Wording) -> None:
    """Writes the rows as the spreadsheet shows them."""
    with path.open("w", encoding=PEOPLE_ENCODING, newline="") as lines:
        writer = csv.writer(lines, delimiter=PEOPLE_SEPARATOR, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(words.columns[name] for name in PEOPLE_COLUMNS)
        for row in due:
            writer.writerow(for_csv(_text(value)) for value in shown(row, words))


def write_for_programs(path: Path, due: Iterable[Invitation]) -> None:
    """Writes the rows as they are; a telephone number is no formula, and stands bare."""
    with path.open("w", encoding=PROGRAMS_ENCODING, newline="") as lines:
        writer = csv.writer(lines, delimiter=PROGRAMS_SEPARATOR, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for row in due:
            texts = (_text(getattr(row, name)) for name in COLUMNS)
            writer.writerow(text if _E164.fullmatch(text) else for_csv(text) for text in texts)


def _text(value: object) -> str:
    return "" if value is None else str(value)
