"""The list as CSV, for programs: RFC 4180, several values of one cell separated by `|`, ISO dates.

It begins with a UTF-8 byte order mark. Without one Excel reads the file as Windows-1252, shows `ZoÃ«` and saves it so:
silent damage. A program that does not expect the mark fails at the first column's name, which is seen at once.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from optkeeper.delivery.cells import for_csv
from optkeeper.delivery.published import COLUMNS, Invitation

ENCODING = "utf-8-sig"


def write(path: Path, due: Iterable[Invitation]) -> None:
    """Writes the rows; every value is quoted, so that no value can be cut."""
    with path.open("w", encoding=ENCODING, newline="") as lines:
        writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for row in due:
            writer.writerow(for_csv("" if value is None else str(value)) for value in row)
