"""The words of the lists and mails, in Dutch and in English: the files in `words/`.

What Dutch says, English says too: both are read as one type, so that neither can lack a word.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files

import babel
import msgspec

from optkeeper import registry, settings
from optkeeper.delivery.policy_numbers import PolicyNumber
from optkeeper.delivery.published import SourceAge

# How soon a permission expires, as marketing plans by: this week, this month, later.
THIS_WEEK, THIS_MONTH = 7, 30


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All words of one language. Texts with braces are filled in by `str.format`."""

    language: str
    months: tuple[str, ...]
    thousands: str
    date_format: str  # as a spreadsheet spells it
    title: str
    cover_sheet: str
    list_sheet: str
    brand: str
    date_label: str
    contact_points: str
    what_to_do: str
    to_do: str
    rule_heading: str
    rule: str
    other_months: str
    other_days: str
    late_heading: str
    all_current: str
    by_purpose: str
    by_basis: str
    by_days_left: str
    this_week: str
    this_month: str
    later: str
    sources_heading: str
    source_columns: tuple[str, str, str, str]
    current: str
    late: str
    never: str
    run: str
    policy_version: str
    as_of: str
    revision: str
    confidential: str
    page: str
    columns: Mapping[str, str]
    channels: Mapping[str, str]
    bases: Mapping[str, str]
    opt_out_lines: Mapping[str, str]
    stages: Mapping[str, str]
    waiting: str
    by_stage: str
    countries: Mapping[str, str]
    source_kinds: Mapping[str, str]
    source_of_other_kind: str
    source_is_of: str
    source_never_pulled: str
    today: str
    yesterday: str
    day_before_yesterday: str
    one_contact_point: str
    some_contact_points: str
    subject: str
    subject_replaced: str
    granted: Mapping[str, str]
    mail: Mapping[str, str]
    last_of_several: str

    def number(self, value: int) -> str:
        """A whole number as this language spells it."""
        return f"{value:,}".replace(",", self.thousands)

    def day(self, value: date) -> str:
        """A date in words."""
        return f"{value.day} {self.months[value.month - 1]} {value.year}"

    def moment(self, value: datetime) -> str:
        """A date and time of the business time zone in words."""
        local = value.astimezone(settings.BUSINESS_TIME_ZONE)
        return f"{self.day(local.date())} {local:%H:%M}"

    def relative_moment(self, value: datetime, today: date) -> str:
        """A moment as one would say it on a day."""
        local = value.astimezone(settings.BUSINESS_TIME_ZONE)
        near = {0: self.today, 1: self.yesterday, 2: self.day_before_yesterday}.get((today - local.date()).days)
        return f"{near or self.day(local.date())} {local:%H:%M}"

    def count(self, value: int) -> str:
        """A number of contact points, with its noun."""
        text = self.one_contact_point if value == 1 else self.some_contact_points
        return text.format(count=self.number(value))

    def channel(self, code: str) -> str:
        """A channel by its name; one that has none here by its code."""
        return _word(self.channels, code)

    def basis(self, code: str) -> str:
        """A basis by its name; one that has none here by its code."""
        return _word(self.bases, code)

    def opt_out_line(self, code: str) -> str:
        """Whether the message must offer an opt-out of its own, in words; a code without any by itself."""
        return _word(self.opt_out_lines, code)

    def stage(self, code: str) -> str:
        """How often and how urgently is asked, in words; a code without any by itself."""
        return _word(self.stages, code)

    def named(self, kind: str, code: str) -> str:
        """A register's code by its name in `code_words.csv`; one that has none by itself."""
        word = _code_words(self.language).get((kind, code))
        return spelled(code) if word is None else word

    def purpose(self, code: str) -> str:
        """A purpose by its name."""
        return self.named("purpose", code)

    def lead_channel(self, code: str) -> str:
        """A lead channel by its name."""
        return self.named("lead_channel", code)

    def country(self, code: str) -> str:
        """A country by its name."""
        return self.countries.get(code) or babel.Locale(self.language).territories.get(code, code)

    def source(self, code: str) -> str:
        """Who delivered, in words: the kind of source, the vendor where it is one, and the source's own name."""
        known = _sources().get(code)
        if known is None:
            return code
        return " ".join(part for part in (self.named("source_kind", known[0]), known[1], f"({code})") if part)

    def listed(self, names: Sequence[str]) -> str:
        """Several names in a sentence: a, b and c."""
        return f"{', '.join(names[:-1])} {self.last_of_several} {names[-1]}" if len(names) > 1 else "".join(names)

    def days_left_bucket(self, days: int) -> str:
        """How soon that is."""
        if days <= THIS_WEEK:
            return self.this_week.format(last=THIS_WEEK)
        if days <= THIS_MONTH:
            return self.this_month.format(first=THIS_WEEK + 1, last=THIS_MONTH)
        return self.later.format(first=THIS_MONTH + 1)

    def days_left_counts(self, days_left: Mapping[int, int]) -> dict[str, int]:
        """How many expire how soon, the soonest first."""
        counts = {self.days_left_bucket(days): 0 for days in (THIS_WEEK, THIS_MONTH, THIS_MONTH + 1)}
        for days, count in days_left.items():
            counts[self.days_left_bucket(days)] += count
        return counts

    def rule_in_words(self, months: PolicyNumber, window: PolicyNumber) -> str:
        """R2 and R5 as marketing reads them, with the numbers of the policy in force."""
        text = self.rule.format(months=months.general, days=window.general)
        for number, sentence in ((months, self.other_months), (window, self.other_days)):
            for country, channel, value in number.exceptions:
                where = ", ".join(
                    part
                    for part in (
                        "" if country == "*" else self.country(country),
                        "" if channel == "*" else self.channel(channel),
                    )
                    if part
                )
                text += " " + sentence.format(where=where, value=value)
        return text

    def late_sources(self, ages: Iterable[SourceAge], today: date) -> list[str]:
        """One sentence for each source whose data is late or missing."""
        kinds = {row["source"]: row["kind"] for row in registry.rows("sources")}
        sentences = []
        for age in ages:
            if not age.is_stale:
                continue
            whose = self.source_kinds.get(kinds.get(age.source, ""), self.source_of_other_kind)
            if age.last_pull_at is None:
                sentences.append(self.source_never_pulled.format(whose=whose, source=age.source))
            else:
                when = self.relative_moment(age.last_pull_at, today)
                sentences.append(self.source_is_of.format(whose=whose, source=age.source, when=when))
        return sentences


def _word(words: Mapping[str, str], code: str) -> str:
    """The code's word, which may be empty; spelled only where there is none, as a list asks for many."""
    word = words.get(code)
    return spelled(code) if word is None else word


@cache
def _code_words(language: str) -> Mapping[tuple[str, str], str]:
    """The seed that names the registers' codes, by kind and code."""
    rows = registry.read(settings.DBT_PROJECT / "seeds" / "code_words.csv")
    return {(row["kind"], row["code"]): row[language] for row in rows}


@cache
def _sources() -> Mapping[str, tuple[str, str]]:
    """Each source with its kind and its vendor's name."""
    vendors = {row["vendor"]: row["name"] for row in registry.rows("vendors")}
    return {row["source"]: (row["kind"], vendors.get(row["vendor"], "")) for row in registry.rows("sources")}


def spelled(code: str) -> str:
    """A registry's code as a word: `product_news` is Product news."""
    text = code.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _read(language: str) -> Wording:
    text = (files("optkeeper.delivery") / "words" / f"{language}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Wording)


WORDINGS: Mapping[str, Wording] = {language: _read(language) for language in ("nl", "en")}
