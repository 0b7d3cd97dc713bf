import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optkeeper.delivery import cells, delimited
from optkeeper.delivery.published import COLUMNS, Invitation
from optkeeper.delivery.wording import WORDINGS

_ROW = Invitation(
    "c1", "phone", "+31201234567", None, "Zoë", "'t Hart", "Polder & Zonen", "newsletter", "new", "consent", "not_required",
    None, date(2026, 3, 21), 20, None, "web/1", (),
)  # fmt: skip
_TEXTS = st.text(alphabet=st.sampled_from(list("\",;|=+-' \t\r\nabé")), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the file anew
@given(text=_TEXTS)
@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), (",", "utf-8")])
def test_a_file_is_what_any_reader_and_writer_of_csv_takes_it_for(
    tmp_path: Path, separator: str, encoding: str, text: str
) -> None:
    path = tmp_path / "list.csv"
    row = _ROW._replace(company=text)
    if separator == ";":
        with delimited.for_people(path, WORDINGS["nl"]) as put_people:
            put_people(["Anna", text, None, 3])
        expected = ["Anna", cells.for_csv(text), "", "3"]
    else:
        with delimited.for_programs(path) as put_program:
            put_program(row)
        expected = ["" if value is None else str(value) for value in row[: len(COLUMNS)]]
        expected[COLUMNS.index("company")] = cells.for_csv(text)
    with path.open(encoding=encoding, newline="") as lines:
        header, read = csv.reader(lines, delimiter=separator, strict=True)
    assert read == expected
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([header, read])
    assert path.read_bytes() == written.getvalue().encode(encoding)
