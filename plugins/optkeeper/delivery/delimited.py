"""The list as CSV, once for people and once for programs; RFC 4180, every value quoted, dates in ISO.

For people: the columns and words of the spreadsheet, separated by `;`, as spreadsheet programs with Dutch settings read
a file that is opened by a click. It begins with a UTF-8 byte order mark; without one Excel reads it as Windows-1252,
shows `ZoÃ«` and saves it so: silent damage.

For programs: columns and codes as in the mart, separated by `,`, without a mark, telephone numbers as E.164.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optkeeper.delivery.cells import for_csv
from optkeeper.delivery.people import PEOPLE_COLUMNS, Value
from optkeeper.delivery.published import COLUMNS, Invitation
from optkeeper.delivery.wording import Wording

PEOPLE_ENCODING, PEOPLE_SEPARATOR = "utf-8-sig", ";"
PROGRAMS_ENCODING, PROGRAMS_SEPARATOR = "utf-8", ","
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@contextmanager
def for_people(path: Path, words: Wording) -> Iterator[Callable[[Sequence[Value]], None]]:
    """Opens the file for people; takes what each row shows."""
    with _opened(path, PEOPLE_ENCODING, PEOPLE_SEPARATOR) as put:
        put([words.columns[name] for name in PEOPLE_COLUMNS])
        yield lambda values: put(["" if value is None else for_csv(str(value)) for value in values])


@contextmanager
def for_programs(path: Path) -> Iterator[Callable[[Invitation], None]]:
    """Opens the file for programs; takes the rows as they are. A telephone number is no formula, and stands bare."""
    with _opened(path, PROGRAMS_ENCODING, PROGRAMS_SEPARATOR) as put:
        put(COLUMNS)
        yield lambda row: put(["" if value is None else _for_program(str(value)) for value in row[: len(COLUMNS)]])


def _for_program(text: str) -> str:
    return text if text[:1] == "+" and _E164.fullmatch(text) else for_csv(text)


@contextmanager
def _opened(path: Path, encoding: str, separator: str) -> Iterator[Callable[[Sequence[str]], None]]:
    """Opens a file of rows of quoted texts; with the library's writer a long list takes half as long again."""
    between = f'"{separator}"'
    with path.open("w", encoding=encoding, newline="") as lines:

        def put(texts: Sequence[str]) -> None:
            # nearly no row has a quote in it, which is told of all its texts in one look
            if '"' in "".join(texts):
                texts = [text.replace('"', '""') for text in texts]
            lines.write(f'"{between.join(texts)}"\r\n')

        yield put
