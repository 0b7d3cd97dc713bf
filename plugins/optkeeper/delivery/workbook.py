"""The list as a spreadsheet, for people: a cover sheet that explains, and a sheet that can be filtered and printed.

The bytes are those of the content: no moment of writing stands in them, so the same list has the same digest.
"""

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from optkeeper import settings
from optkeeper.delivery.cells import could_be_formula, for_xlsx
from optkeeper.delivery.policy_numbers import PolicyNumber
from optkeeper.delivery.published import COLUMNS, Invitation, Publication, SourceAge, Summary
from optkeeper.delivery.wording import THIS_MONTH, THIS_WEEK, Wording, spelled

ROWS_PER_SHEET = 1_000_000  # a sheet holds 1,048,576

_FONT = "Calibri"
_DARK, _PALE = "1F3A5F", "EAF0F7"
_TITLE = Font(name=_FONT, size=20, bold=True, color=_DARK)
_HEADING = Font(name=_FONT, size=12, bold=True, color=_DARK)
_BODY = Font(name=_FONT, size=11)
_STRONG = Font(name=_FONT, size=11, bold=True)
_LABEL = Font(name=_FONT, size=11, color="595959")
_WARNING = Font(name=_FONT, size=11, bold=True, color="9C2B00")
_HEADER = Font(name=_FONT, size=11, bold=True, color="FFFFFF")
_HEADER_FILL = PatternFill("solid", fgColor=_DARK)
_BAND = PatternFill("solid", fgColor=_PALE)
_WARNING_FILL = PatternFill("solid", fgColor="FDE9DF")
_SOON, _NEXT = PatternFill("solid", fgColor="F8CBAD"), PatternFill("solid", fgColor="FFF2CC")
_LINE = Border(bottom=Side("thin", color="BFC9D6"))
_WRAP = Alignment(wrap_text=True, vertical="top")
_LEFT, _RIGHT = Alignment(horizontal="left"), Alignment(horizontal="right")
_CENTRED = Alignment(horizontal="center")
_MIDDLE = Alignment(vertical="center")

_COVER_WIDTHS = (34, 24, 26, 20)
_COVER_CHARACTERS = 98  # of body text on one line over all four columns
_LINE_HEIGHT = 15.5


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


class _TimelessZip(zipfile.ZipFile):
    """A zip archive in which no file has a moment."""

    _MOMENT = (1980, 1, 1, 0, 0, 0)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(name, self._MOMENT)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        return entry

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        super().writestr(self._entry(str(zinfo_or_arcname)), data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        source: IO[bytes]
        with Path(filename).open("rb") as source, self.open(self._entry(str(arcname)), "w", force_zip64=True) as target:
            while block := source.read(1 << 20):
                target.write(block)


def write(path: Path, cover: Cover, due: Iterable[Invitation]) -> None:
    """Writes the whole workbook; memory does not grow with the rows."""
    book = Workbook(write_only=True)
    moment = datetime.combine(cover.publication.list_date, time())
    book.properties.creator = "Optkeeper"
    book.properties.title = for_xlsx(f"{cover.wording.title}: {cover.brand}, {cover.channel}")
    book.properties.language = cover.wording.language
    book.properties.created = book.properties.modified = moment
    _write_cover(book, cover)
    _write_list(book, cover, due)
    with _TimelessZip(path, "w", zipfile.ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).write_data()


class _Cells:
    """Makes the cells of one sheet. Each holds a value and nothing else: a text stays a text, however it looks."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._styles: dict[Any, Any] = {}  # putting a style together costs more than all else of a cell

    def __call__(self, value: Any, font: Font = _BODY, **style: Any) -> Any:
        cell: Any = WriteOnlyCell(self._sheet)
        guarded = False
        if isinstance(value, str):
            cell.value = for_xlsx(value)
            cell.data_type = "s"
            guarded = could_be_formula(value)
        else:
            cell.value = value
        key = (isinstance(value, date), guarded, id(font), *((name, id(setting)) for name, setting in style.items()))
        known = self._styles.get(key)
        if known is None:
            cell.font = font
            for name, setting in style.items():
                setattr(cell, name, setting)
            if guarded:
                cell.quotePrefix = True
            # what ids stand for must live as long as they are compared
            self._styles[key] = cell._style, font, style
        else:
            cell._style = known[0]
        return cell


class _CoverSheet:
    """Appends to the cover sheet from top to bottom."""

    def __init__(self, sheet: Any) -> None:
        self.sheet = sheet
        self.cell = _Cells(sheet)
        self.row = 0

    def line(self, *cells: Any, height: float | None = None) -> None:
        self.row += 1
        if height is not None:
            self.sheet.row_dimensions[self.row].height = height
        self.sheet.append(list(cells))

    def gap(self) -> None:
        self.line(height=8)

    def heading(self, text: str) -> None:
        self.gap()
        self.line(self.cell(text, _HEADING, border=_LINE), *self._rest(border=_LINE), height=20)

    def paragraph(self, text: str, font: Font = _BODY, fill: PatternFill | None = None) -> None:
        style = {"alignment": _WRAP} | ({"fill": fill} if fill else {})
        lines = -(-len(text) // _COVER_CHARACTERS)
        self.line(self.cell(text, font, **style), *self._rest(**style), height=_LINE_HEIGHT * lines + 3)
        self.sheet.merged_cells.add(f"A{self.row}:D{self.row}")

    def fact(self, label: str, value: Any, font: Font = _BODY, **style: Any) -> None:
        self.line(self.cell(label, _LABEL), self.cell(value, font, alignment=_LEFT, **style))

    def count(self, label: str, value: int) -> None:
        self.line(
            self.cell(label),
            self.cell(value, alignment=_RIGHT, number_format="#,##0"),
            height=_LINE_HEIGHT,
        )

    def _rest(self, **style: Any) -> list[Any]:
        return [self.cell(None, **style) for _ in _COVER_WIDTHS[1:]]


def _write_cover(book: Workbook, cover: Cover) -> None:
    words, publication, summary = cover.wording, cover.publication, cover.summary
    raw = book.create_sheet(words.cover_sheet)
    raw.sheet_view.showGridLines = False
    for number, width in enumerate(_COVER_WIDTHS, start=1):
        raw.column_dimensions[get_column_letter(number)].width = width
    _set_print(raw, words, landscape=False)
    sheet = _CoverSheet(raw)
    cell = sheet.cell
    sheet.line(cell(words.title, _TITLE, alignment=_MIDDLE), height=34)
    sheet.fact(words.brand, spelled(cover.brand), _STRONG)
    sheet.fact(words.columns["channel"], words.channel(cover.channel), _STRONG)
    sheet.fact(words.date_label, publication.list_date, number_format=words.date_format)
    sheet.fact(words.contact_points, summary.row_count, number_format="#,##0")
    sheet.fact(words.waiting, cover.waiting, number_format="#,##0")

    late = words.late_sources(cover.ages, publication.list_date)
    if late:
        sheet.heading(words.late_heading)
        for sentence in late:
            sheet.paragraph(sentence, _WARNING, _WARNING_FILL)
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
    sheet.line(*(cell(name, _LABEL) for name in words.source_columns))
    for age in cover.ages:
        instants = (_local(age.last_pull_at), _local(age.newest_record_at))
        sheet.line(
            cell(age.source),
            *(
                cell(words.never) if instant is None
                else cell(instant, number_format=f"{words.date_format} hh:mm", alignment=_LEFT)
                for instant in instants
            ),
            cell(words.late, _WARNING) if age.is_stale else cell(words.current),
        )  # fmt: skip
    if not late:
        sheet.paragraph(words.all_current)
    sheet.gap()
    sheet.fact(words.as_of, _local(publication.as_of), number_format=f"{words.date_format} hh:mm")
    sheet.fact(words.run, publication.run_id)
    sheet.fact(words.policy_version, publication.policy_version)
    sheet.fact(words.revision, cover.revision)
    sheet.gap()
    sheet.paragraph(words.confidential, _LABEL)


def _write_list(book: Workbook, cover: Cover, due: Iterable[Invitation]) -> None:
    sheet, cell, written, sheets = None, None, 0, 0
    left = cover.summary.row_count
    for row in due:
        if sheet is None or cell is None or written == ROWS_PER_SHEET:
            sheets += 1
            sheet, written = _list_sheet(book, cover, sheets, min(left, ROWS_PER_SHEET)), 0
            cell = _Cells(sheet)
            left -= ROWS_PER_SHEET
        sheet.append(_list_row(cell, row, cover.wording, banded=written % 2 == 1))
        written += 1
    if sheet is None:
        _list_sheet(book, cover, 1, 0)


def _list_sheet(book: Workbook, cover: Cover, number: int, row_count: int) -> Any:
    words = cover.wording
    sheet: Any = book.create_sheet(words.list_sheet if number == 1 else f"{words.list_sheet} {number}")
    for column, name in enumerate(COLUMNS, start=1):
        label = words.columns[name]
        shown = {
            "channel": len(words.channel(cover.channel)),
            "purposes": cover.summary.widths.get(name, 0) + 2,
            "basis": max((len(words.basis(code)) for code in cover.summary.bases), default=0),
            "opt_out_line": max(map(len, words.opt_out_lines.values())),
            "stage": max(map(len, words.stages.values())),
            "asked_on": len(words.date_format),
        }.get(name, cover.summary.widths.get(name, 0))
        wanted = max(len(label) + 4, shown + 2)
        sheet.column_dimensions[get_column_letter(column)].width = min(wanted, 46)
    sheet.row_dimensions[1].height = 22
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{row_count + 1}"
    sheet.print_title_rows = "1:1"
    _set_print(sheet, words, landscape=True)
    cell = _Cells(sheet)
    sheet.append([cell(words.columns[name], _HEADER, fill=_HEADER_FILL, alignment=_MIDDLE) for name in COLUMNS])
    return sheet


def _list_row(cell: _Cells, row: Invitation, words: Wording, *, banded: bool) -> list[Any]:
    band: dict[str, Any] = {"fill": _BAND} if banded else {}
    cells = []
    for name, value in zip(COLUMNS, row, strict=True):
        if isinstance(value, str):
            cells.append(cell(words.shown(name, value), **band))
        elif isinstance(value, date):
            cells.append(cell(value, number_format=words.date_format, alignment=_LEFT, **band))
        elif name == "days_left":
            soon = _SOON if row.days_left <= THIS_WEEK else _NEXT if row.days_left <= THIS_MONTH else None
            cells.append(cell(value, alignment=_CENTRED, **({"fill": soon} if soon else band)))
        else:
            cells.append(cell(value, **band))
    return cells


def _set_print(sheet: Any, words: Wording, *, landscape: bool) -> None:
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.oddFooter.left.text = words.confidential
    sheet.oddFooter.right.text = f"{words.page} &P / &N"


def _local(moment: datetime | None) -> datetime | None:
    """The wall clock's time: a spreadsheet knows no time zones."""
    if moment is None:
        return None
    return moment.astimezone(settings.BUSINESS_TIME_ZONE).replace(tzinfo=None, microsecond=0)
