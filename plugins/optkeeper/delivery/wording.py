"""The words of the lists and mails, in Dutch and in English.

What Dutch says, English says too: both are one dataclass, so that neither can lack a word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from optkeeper import registry, settings
from optkeeper.delivery.cells import readable
from optkeeper.delivery.policy_numbers import PolicyNumber
from optkeeper.delivery.published import SEPARATOR, SourceAge

# How soon a permission expires, as marketing plans by: this week, this month, later.
THIS_WEEK, THIS_MONTH = 7, 30


@dataclass(frozen=True, slots=True)
class Wording:
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
        return self.channels.get(code, spelled(code))

    def basis(self, code: str) -> str:
        """A basis by its name; one that has none here by its code."""
        return self.bases.get(code, spelled(code))

    def opt_out_line(self, code: str) -> str:
        """Whether the message must offer an opt-out of its own, in words; a code without any by itself."""
        return self.opt_out_lines.get(code, spelled(code))

    def stage(self, code: str) -> str:
        """How often and how urgently is asked, in words; a code without any by itself."""
        return self.stages.get(code, spelled(code))

    def purpose(self, code: str) -> str:
        """A purpose by its name; one that has none by its code."""
        return _code_words(self.language).get(("purpose", code), spelled(code))

    def lead_channel(self, code: str) -> str:
        """A lead channel by its name; one that has none by its code."""
        return _code_words(self.language).get(("lead_channel", code), spelled(code))

    def shown(self, column: str, text: str) -> str:
        """A value of a list's column as people read it: codes in words, several of them after each other."""
        if column == "address":
            return readable(text)
        spelling = {
            "channel": self.channel, "purposes": self.purpose, "stage": self.stage, "basis": self.basis,
            "opt_out_line": self.opt_out_line, "lead_channel": self.lead_channel,
        }.get(column)  # fmt: skip
        return text if spelling is None or not text else ", ".join(map(spelling, text.split(SEPARATOR)))

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
                        "" if country == "*" else self.countries.get(country, country),
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


@cache
def _code_words(language: str) -> Mapping[tuple[str, str], str]:
    """The seed that names the registers' codes, by kind and code."""
    rows = registry.read(settings.DBT_PROJECT / "seeds" / "code_words.csv")
    return {(row["kind"], row["code"]): row[language] for row in rows}


def spelled(code: str) -> str:
    """A registry's code as a word: `product_news` is Product news."""
    text = code.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


NL = Wording(
    language="nl",
    months=("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
            "november", "december"),
    thousands=".",
    date_format="dd-mm-yyyy",
    title="Te vernieuwen toestemmingen",
    cover_sheet="Toelichting",
    list_sheet="Lijst",
    brand="Merk",
    date_label="Datum",
    contact_points="Contactpunten",
    what_to_do="Wat u doet",
    to_do=(
        "Nodig ieder contact op deze lijst één keer uit om de toestemming te vernieuwen, voor alle doelen die "
        "erbij staan, via dit kanaal en alleen voor dit merk, uiterlijk op de vervaldatum. Wie onlangs gevraagd "
        "is, staat er niet op. Gebruik elke dag de nieuwste lijst en bewaar geen kopie: wie zich afmeldt, staat "
        "er de volgende keer niet meer op. Waar de afmeldregel verplicht is, biedt ook de uitnodiging een afmelding."
    ),
    rule_heading="De regel",
    rule=(
        "Een toestemming (of een andere grondslag) geldt tot {months} maanden nadat zij is gegeven of "
        "nadat het contact voor het laatst actief was. Op deze lijst staan de contactpunten waarvan die "
        "termijn binnen {days} dagen afloopt en die vandaag nog benaderd mogen worden. Na de vervaldatum "
        "mag het niet meer, ook niet om vernieuwing te vragen."
    ),
    other_months="Voor {where} zijn het {value} maanden.",
    other_days="Voor {where} is het binnen {value} dagen.",
    late_heading="Let op: verouderde gegevens",
    all_current="Alle bronnen zijn actueel.",
    by_purpose="Per doel",
    by_basis="Per grondslag",
    by_days_left="Per resterende termijn",
    this_week="0 tot en met {last} dagen",
    this_month="{first} tot en met {last} dagen",
    later="{first} dagen of meer",
    sources_heading="Bronnen",
    source_columns=("Bron", "Laatst opgehaald", "Laatste nieuwe gegevens", "Stand"),
    current="actueel",
    late="verouderd",
    never="nog nooit",
    run="Run",
    policy_version="Beleidsversie",
    as_of="Beslist naar de stand van",
    revision="Uitgave",
    confidential="Vertrouwelijk: bevat persoonsgegevens",
    page="Pagina",
    columns={
        "contact_id": "Contactnummer", "channel": "Kanaal", "address": "Adres", "first_name": "Voornaam",
        "last_name": "Achternaam", "company": "Bedrijf", "purposes": "Doelen", "basis": "Grondslag",
        "opt_out_line": "Afmeldregel", "lead_channel": "Herkomst",
        "expires_on": "Vervaldatum", "days_left": "Dagen over", "stage": "Fase", "asked_on": "Gevraagd op",
        "evidence_id": "Bewijs",
    },
    channels={"email": "E-mail", "phone": "Telefoon", "sms": "Sms", "post": "Post"},
    bases={
        "consent": "Toestemming", "soft_opt_in": "Bestaande klant", "legitimate_interest": "Gerechtvaardigd belang",
        "published_address": "Bekendgemaakt adres",
    },
    opt_out_lines={"required": "verplicht", "not_required": "niet verplicht"},
    stages={"new": "Nieuw", "reminder": "Herinnering", "last_chance": "Laatste kans"},
    waiting="Onlangs gevraagd, wachten op antwoord",
    by_stage="Per fase",
    countries={
        "ZZ": "een onleesbaar land", "NL": "Nederland", "BE": "België", "DE": "Duitsland", "AT": "Oostenrijk",
        "FR": "Frankrijk",
    },
    source_kinds={
        "crm": "De CRM-gegevens", "email_platform": "De gegevens van het e-mailplatform",
        "marketing_automation": "De gegevens van de marketingautomatisering",
        "lead_vendor": "De gegevens van de leadleverancier", "web_form": "De gegevens van de webformulieren",
        "shop": "De gegevens van de webwinkel",
    },
    source_of_other_kind="De gegevens van de bron",
    source_is_of="{whose} ({source}) zijn van {when}; wijzigingen daarna staan niet in deze lijst.",
    source_never_pulled="{whose} ({source}) zijn nog nooit opgehaald; deze lijst houdt er geen rekening mee.",
    today="vandaag",
    yesterday="gisteren",
    day_before_yesterday="eergisteren",
    one_contact_point="{count} contactpunt",
    some_contact_points="{count} contactpunten",
    subject="{brand}, {channel}: {count} te vernieuwen op {day}",
    subject_replaced="Vervangen: {brand}, {channel}: {count} te vernieuwen op {day}",
)  # fmt: skip

EN = Wording(
    language="en",
    months=("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December"),
    thousands=",",
    date_format="dd mmm yyyy",
    title="Permissions due for renewal",
    cover_sheet="About",
    list_sheet="List",
    brand="Brand",
    date_label="Date",
    contact_points="Contact points",
    what_to_do="What to do",
    to_do=(
        "Invite each contact on this list once to renew the permission, for all purposes that are given, through "
        "this channel and only for this brand, at the latest on the expiry date. Who was asked lately is not on it. "
        "Use the newest list every day and keep no copy: who unsubscribes is no longer on the next one. Where the "
        "opt-out line is required, the invitation offers an opt-out too."
    ),
    rule_heading="The rule",
    rule=(
        "A permission (consent or another basis) lasts until {months} months after it was given or after "
        "the contact was last active. This list holds the contact points whose term ends within {days} "
        "days and that may still be approached today. After the expiry date they may not, not even to ask "
        "for renewal."
    ),
    other_months="For {where} it is {value} months.",
    other_days="For {where} it is within {value} days.",
    late_heading="Please note: outdated data",
    all_current="All sources are up to date.",
    by_purpose="By purpose",
    by_basis="By basis",
    by_days_left="By days left",
    this_week="0 to {last} days",
    this_month="{first} to {last} days",
    later="{first} days or more",
    sources_heading="Sources",
    source_columns=("Source", "Last pulled", "Last new data", "State"),
    current="up to date",
    late="outdated",
    never="never",
    run="Run",
    policy_version="Policy version",
    as_of="Decided as of",
    revision="Revision",
    confidential="Confidential: holds personal data",
    page="Page",
    columns={
        "contact_id": "Contact", "channel": "Channel", "address": "Address", "first_name": "First name",
        "last_name": "Last name", "company": "Company", "purposes": "Purposes", "basis": "Basis",
        "opt_out_line": "Opt-out line", "lead_channel": "Came in by",
        "expires_on": "Expires on", "days_left": "Days left", "stage": "Stage", "asked_on": "Asked on",
        "evidence_id": "Evidence",
    },
    channels={"email": "E-mail", "phone": "Phone", "sms": "Text message", "post": "Post"},
    bases={
        "consent": "Consent", "soft_opt_in": "Existing customer", "legitimate_interest": "Legitimate interest",
        "published_address": "Published address",
    },
    opt_out_lines={"required": "required", "not_required": "not required"},
    stages={"new": "New", "reminder": "Reminder", "last_chance": "Last chance"},
    waiting="Asked lately, awaiting an answer",
    by_stage="By stage",
    countries={
        "ZZ": "an unreadable country", "NL": "the Netherlands", "BE": "Belgium", "DE": "Germany", "AT": "Austria",
        "FR": "France",
    },
    source_kinds={
        "crm": "The CRM data", "email_platform": "The e-mail platform's data",
        "marketing_automation": "The marketing automation data", "lead_vendor": "The lead vendor's data",
        "web_form": "The web forms' data", "shop": "The shop's data",
    },
    source_of_other_kind="The source's data",
    source_is_of="{whose} ({source}) is from {when}; later changes are not in this list.",
    source_never_pulled="{whose} ({source}) has never been pulled; this list does not take it into account.",
    today="today",
    yesterday="yesterday",
    day_before_yesterday="the day before yesterday",
    one_contact_point="{count} contact point",
    some_contact_points="{count} contact points",
    subject="{brand}, {channel}: {count} due for renewal on {day}",
    subject_replaced="Replaced: {brand}, {channel}: {count} due for renewal on {day}",
)  # fmt: skip

WORDINGS: Mapping[str, Wording] = {"nl": NL, "en": EN}
