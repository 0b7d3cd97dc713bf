"""The list as a spreadsheet, for people: a cover sheet that explains, and a sheet that can be filtered and printed.

The bytes are those of the content: no moment of writing stands in them, so the same list has the same digest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from optkeeper import settings
from optkeeper.delivery.cells import could_be_formula, escaped_for_xlsx, for_xlsx
from optkeeper.delivery.people import ACTED_ON, PEOPLE_COLUMNS, Value
from optkeeper.delivery.policy_numbers import PolicyNumber
from optkeeper.delivery.published import Invitation, Publication, SourceAge, Summary
from optkeeper.delivery.wording import THIS_MONTH, THIS_WEEK, Wording, spelled

ROWS_PER_SHEET = 1_000_000  # a sheet holds 1,048,576
_BEFORE_DAY_ONE = date(1899, 12, 30).toordinal()  # a spreadsheet counts its days from there


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """How cells look, in the properties of xlsxwriter. Each is itself only, so that it is found again at no cost."""

    properties: Mapping[str, Any]

    def __or__(self, more: Mapping[str, Any]) -> "_Look":
        return _Look({**self.properties, **more})


_DARK, _PALE = "#1F3A5F", "#EAF0F7"
_BODY = _Look({"font_name": "Calibri", "font_size": 11})
_TITLE = _BODY | {"font_size": 20, "bold": True, "font_color": _DARK, "valign": "vcenter"}
_HEADING = _BODY | {"font_size": 12, "bold": True, "font_color": _DARK, "bottom": 1, "bottom_color": "#BFC9D6"}
_STRONG = _BODY | {"bold": True, "align": "left"}
_LABEL = _BODY | {"font_color": "#595959"}
_WARNING = _BODY | {"bold": True, "font_color": "#9C2B00"}
_HEADER = _BODY | {"bold": True, "font_color": "#FFFFFF", "bg_color": _DARK, "valign": "vcenter", "text_wrap": True}
_ROW = _BODY | {"valign": "top", "text_wrap": True}
_SOON, _NEXT = {"bg_color": "#F8CBAD"}, {"bg_color": "#FFF2CC"}
_ODD_AND_EVEN = (_ROW, _ROW | {"bg_color": _PALE})
_DAYS_LEFT = {
    urgency: tuple(row | {"align": "center"} | mark for row in _ODD_AND_EVEN)
    for urgency, mark in (("this week", _SOON), ("this month", _NEXT), ("later", {}))
}
_WRAP = {"text_wrap": True, "valign": "top"}
_LEFT = {"align": "left"}
_COUNT = {"num_format": "#,##0"}
_NOTHING_MORE, _GUARDED = _Look({}), _Look({"quote_prefix": True})

# In characters. The printed columns together fit the width of a page in letters that can be read: what is longer wraps.
_WIDTHS = {
    "first_name": 13, "last_name": 16, "company": 20, "address": 30, "purposes": 16, "stage": 12, "expires_on": 12,
    "days_left": 8, "asked_on": 12, "why": 70, "opt_out_line": 12, "basis": 22, "lead_channel": 20, "evidence_id": 40,
    "contact_id": 38,
}  # fmt: skip
_PRINTED_WIDTHS = tuple(_WIDTHS[name] - 2 for name in ACTED_ON)
_COVER_WIDTHS = (34, 24, 26, 20)
_COVER_CHARACTERS = 98  # of body text on one line over all four columns
_LINE_HEIGHT = 15.5  # points
_HIGHEST_ROW = 409  # points; the format allows no more


@dataclass(frozen=True, slots=True)
class Cover:
    """What the cover sheet says."""

    wording: Wording
    brand: str
    channel: str
    publication: Publication
    revision: int
    summary: Summary
    waiting: int
    inactivity_months: PolicyNumber
    renewal_window_days: PolicyNumber
    ages: Sequence[SourceAge]


@contextmanager
def opened(path: Path, cover: Cover) -> Iterator[Callable[[Invitation, Sequence[Value]], None]]:
    """Opens the workbook; takes each row with what it shows. Memory does not grow with the rows."""
    # What it writes on the way holds personal data and stays beside the file.
    with xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": str(path.parent)}) as book:
        book.set_properties(
            {
                "title": for_xlsx(f"{cover.wording.title}: {cover.brand}, {cover.channel}"),
                "author": "Optkeeper",
                "created": datetime.combine(cover.publication.list_date, time()),
            }
        )
        formats = _Formats(book)
        _write_cover(book, formats, cover)
        listed = _List(book, formats, cover)
        yield listed.put


class _Formats:
    """Each look once: a workbook holds a limited number of formats."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._known: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._found: dict[tuple[_Look, _Look], Format] = {}

    def __call__(self, look: _Look, more: _Look = _NOTHING_MORE) -> Format:
        found = self._found.get((look, more))
        if found is None:
            whole = {**look.properties, **more.properties}
            key = tuple(sorted(whole.items()))
            if key not in self._known:
                self._known[key] = self._book.add_format(whole)
            found = self._found[look, more] = self._known[key]
        return found


class _Sheet:
    """Writes cells that each hold a value and nothing else: a text stays a text, however it looks."""

    def __init__(self, sheet: Worksheet, formats: _Formats, date_format: str) -> None:
        self.sheet = sheet
        self._formats = formats
        self._of_moments = _Look({**_LEFT, "num_format": f"{date_format} hh:mm"})
        self._of_days = _Look({**_LEFT, "num_format": date_format})

    def cell(self, row: int, column: int, value: Any, look: _Look = _BODY) -> None:
        if value is None or value == "":
            self.sheet.write_blank(row, column, None, self._formats(look))
        elif isinstance(value, str):
            guard = _GUARDED if could_be_formula(value) else _NOTHING_MORE
            self.sheet.write_string(row, column, for_xlsx(value), self._formats(look, guard))
        elif isinstance(value, datetime):
            self.sheet.write_datetime(row, column, value, self._formats(look, self._of_moments))
        elif isinstance(value, date):
            self.sheet.write_datetime(row, column, value, self._formats(look, self._of_days))
        else:
            self.sheet.write_number(row, column, value, self._formats(look))


class _CoverSheet(_Sheet):
    """Appends to the cover sheet from top to bottom."""

    row = -1

    def line(self, *cells: tuple[Any, _Look], height: float | None = None) -> None:
        self.row += 1
        if height is not None:
            self.sheet.set_row(self.row, height)
        for column, (value, look) in enumerate(cells):
            self.cell(self.row, column, value, look)

    def gap(self) -> None:
        self.line(height=8)

    def heading(self, text: str) -> None:
        self.gap()
        self.line((text, _HEADING), *((None, _HEADING) for _ in _COVER_WIDTHS[1:]), height=20)

    def paragraph(self, text: str, look: _Look = _BODY) -> None:
        look = look | _WRAP
        lines = -(-len(text) // _COVER_CHARACTERS)
        self.line(height=_LINE_HEIGHT * lines + 3)
        self.sheet.merge_range(self.row, 0, self.row, len(_COVER_WIDTHS) - 1, "", self._formats(look))
        self.cell(self.row, 0, text, look)

    def fact(self, label: str, value: Any, look: _Look = _BODY) -> None:
        self.line((label, _LABEL), (value, look | _LEFT))

    def count(self, label: str, value: int) -> None:
        self.line((label, _BODY), (value, _BODY | _COUNT | {"align": "right"}), height=_LINE_HEIGHT)


def _write_cover(book: xlsxwriter.Workbook, formats: _Formats, cover: Cover) -> None:
    words, publication, summary = cover.wording, cover.publication, cover.summary
    raw = book.add_worksheet(words.cover_sheet)
    raw.hide_gridlines(2)
    for column, width in enumerate(_COVER_WIDTHS):
        raw.set_column(column, column, width)
    raw.set_portrait()
    _set_print(raw, words)
    sheet = _CoverSheet(raw, formats, words.date_format)
    sheet.line((words.title, _TITLE), height=34)
    sheet.fact(words.brand, spelled(cover.brand), _STRONG)
    sheet.fact(words.columns["channel"], words.channel(cover.channel), _STRONG)
    sheet.fact(words.date_label, publication.list_date)
    sheet.fact(words.contact_points, summary.row_count, _BODY | _COUNT)
    sheet.fact(words.waiting, cover.waiting, _BODY | _COUNT)

    late = words.late_sources(cover.ages, publication.list_date)
    if late:
        sheet.heading(words.late_heading)
        for sentence in late:
            sheet.paragraph(sentence, _WARNING | {"bg_color": "#FDE9DF"})
    sheet.heading(words.what_to_do)
    sheet.paragraph(words.to_do)
    sheet.heading(words.rule_heading)
    sheet.paragraph(words.rule_in_words(cover.inactivity_months, cover.renewal_window_days))

    sheet.heading(words.by_days_left)
    for label, count in words.days_left_counts(summary.days_left).items():
        sheet.count(label, count)
    for heading, counts, named in (
        (words.by_stage, summary.stages, words.stage),
        (words.by_purpose, summary.purposes, words.purpose),
        (words.by_basis, summary.bases, words.basis),
    ):
        if counts:
            sheet.heading(heading)
            for code in sorted(counts):
                sheet.count(named(code), counts[code])

    sheet.heading(words.sources_heading)
    sheet.line(*((name, _LABEL) for name in words.source_columns))
    for age in cover.ages:
        instants = (_local(age.last_pull_at), _local(age.newest_record_at))
        sheet.line(
            (age.source, _BODY),
            *((words.never if instant is None else instant, _BODY) for instant in instants),
            (words.late, _WARNING) if age.is_stale else (words.current, _BODY),
        )
    if not late:
        sheet.paragraph(words.all_current)
    sheet.gap()
    sheet.fact(words.as_of, _local(publication.as_of))
    sheet.fact(words.run, publication.run_id)
    sheet.fact(words.policy_version, publication.policy_version)
    sheet.fact(words.revision, cover.revision)
    sheet.gap()
    sheet.paragraph(words.confidential, _LABEL)


class _List:
    """The rows, on as many sheets as they fill."""

    def __init__(self, book: xlsxwriter.Workbook, formats: _Formats, cover: Cover) -> None:
        self._book, self._formats, self._cover = book, formats, cover
        self._spell = _RowSpelling(formats, cover.wording.date_format)
        self._sheets, self._left = 0, cover.summary.row_count
        self._begin()

    def put(self, row: Invitation, values: Sequence[Value]) -> None:
        if self._written == ROWS_PER_SHEET:
            self._begin()
        self._written += 1
        self._sheet.put_row(self._written, _height(values), self._spell(self._written, row.days_left, values))

    def _begin(self) -> None:
        self._sheets += 1
        row_count = min(self._left, ROWS_PER_SHEET)
        self._sheet = _list_sheet(self._book, self._formats, self._cover, self._sheets, row_count)
        self._left -= row_count
        self._written = 0


class _SpelledRows(Worksheet):  # type: ignore[misc]  # the library has no types
    """A sheet that takes whole rows as they stand in the file.

    Handed over cell by cell, a long list takes six times as long, and the library keeps the height of every row.
    """

    def begin_rows(self, row_count: int) -> None:
        """Ends the header, which was handed over by its cells, where rows follow; else it ends with the sheet."""
        if row_count:
            self._check_dimensions(row_count, 0)
            self._write_single_row(row_count)

    def put_row(self, row: int, height: float, cells: str) -> None:
        """Appends the row, counted from zero; its height is in points, its cells are XML."""
        self.fh.write(f'<row r="{row + 1}" ht="{height}" customHeight="1">{cells}</row>')


class _RowSpelling:
    """Spells the cells of a row: each a value and nothing else, so that a text stays a text however it looks."""

    def __init__(self, formats: _Formats, date_format: str) -> None:
        of_days = _Look({**_LEFT, "num_format": date_format})

        def index(look: _Look, more: _Look = _NOTHING_MORE) -> int:
            return formats(look, more)._get_xf_index()  # type: ignore[no-any-return]  # the library has no types

        self._columns = tuple(f'<c r="{xl_col_to_name(column)}' for column in range(len(PEOPLE_COLUMNS)))
        self._plain = tuple(index(look) for look in _ODD_AND_EVEN)
        self._guarded = tuple(index(look, _GUARDED) for look in _ODD_AND_EVEN)
        self._of_days = tuple(index(look, of_days) for look in _ODD_AND_EVEN)
        self._days_left = {urgency: tuple(map(index, looks)) for urgency, looks in _DAYS_LEFT.items()}

    def __call__(self, place: int, days_left: int, values: Sequence[Value]) -> str:
        is_even = place % 2 == 0
        urgency = "this week" if days_left <= THIS_WEEK else "this month" if days_left <= THIS_MONTH else "later"
        plain = f'{place + 1}" s="{self._plain[is_even]}"'
        text_begins = f'{plain} t="inlineStr"><is><t>'
        guarded_begins = f'{place + 1}" s="{self._guarded[is_even]}" t="inlineStr"><is><t>'
        day_begins = f'{place + 1}" s="{self._of_days[is_even]}"><v>'
        number_begins = f'{place + 1}" s="{self._days_left[urgency][is_even]}"><v>'
        cells = []
        for column, value in zip(self._columns, values, strict=True):
            if value is None or value == "":
                cells.append(f"{column}{plain}/>")
            elif isinstance(value, str):
                begins = guarded_begins if could_be_formula(value) else text_begins
                cells.append(f"{column}{begins}{escaped_for_xlsx(value)}</t></is></c>")
            elif isinstance(value, date):
                cells.append(f"{column}{day_begins}{value.toordinal() - _BEFORE_DAY_ONE}</v></c>")
            else:  # how many days are left is the only number
                cells.append(f"{column}{number_begins}{value}</v></c>")
        return "".join(cells)


def _list_sheet(
    book: xlsxwriter.Workbook, formats: _Formats, cover: Cover, number: int, row_count: int
) -> _SpelledRows:
    words = cover.wording
    title = words.list_sheet if number == 1 else f"{words.list_sheet} {number}"
    raw: _SpelledRows = book.add_worksheet(title, worksheet_class=_SpelledRows)
    for column, name in enumerate(PEOPLE_COLUMNS):
        raw.set_column(column, column, _WIDTHS[name])
    raw.set_row(0, 32)
    raw.freeze_panes(1, 0)
    raw.autofilter(0, 0, row_count, len(PEOPLE_COLUMNS) - 1)
    raw.repeat_rows(0)
    raw.print_area(0, 0, row_count, len(ACTED_ON) - 1)
    raw.set_landscape()
    _set_print(raw, words)
    sheet = _Sheet(raw, formats, words.date_format)
    for column, name in enumerate(PEOPLE_COLUMNS):
        sheet.cell(0, column, words.columns[name], _HEADER)
    raw.begin_rows(row_count)
    return raw


def _height(values: Sequence[Value]) -> float:
    """High enough for the longest of the texts that wrap: not every program fits rows to their texts by itself."""
    lines = 1
    for value, width in zip(values, _PRINTED_WIDTHS, strict=False):
        if isinstance(value, str) and len(value) > width * lines:
            lines = -(-len(value) // width)
    return min(_LINE_HEIGHT * lines, _HIGHEST_ROW)


def _set_print(sheet: Worksheet, words: Wording) -> None:
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.5, right=0.5)
    sheet.set_footer(f"&L{words.confidential}&R{words.page} &P / &N")


def _local(moment: datetime | None) -> datetime | None:
    """The wall clock's time: a spreadsheet knows no time zones."""
    if moment is None:
        return None
    return moment.astimezone(settings.BUSINESS_TIME_ZONE).replace(tzinfo=None, microsecond=0)
