"""The words of `optkeeper status`: each reason as one plain sentence, and what would turn a no into a yes."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from optkeeper import settings


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `why` and `remedy` are by reason; `grounds` by the basis of a yes."""

    yes: str
    no: str
    unknown: str
    undocumented: str
    redirected: str
    address: str
    headline: str
    since: str
    until: str
    renewal: str
    basis: str
    evidence: str
    given_by: str
    anchored_by: str
    because_of: str
    rule: str
    to_yes: str
    timeline: str
    carried_by: str
    under_text: str
    received: str
    undated: str
    bases: Mapping[str, str]
    channels: Mapping[str, str]
    grounds: Mapping[str, str]
    why: Mapping[str, str]
    remedy: Mapping[str, str]
    not_found: Mapping[str, str]
    withheld: str


def _of_seed(seed: str, key: str, column: str) -> dict[str, str]:
    """A column of a seed, by its key."""
    with (settings.DBT_PROJECT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return {row[key]: row[column] for row in csv.DictReader(lines)}


def _of_reasons(column: str) -> dict[str, str]:
    """A column of the seed that words the reasons, by reason; `marts.reasons` shows the same."""
    return _of_seed("reason_words", "reason", column)


# the numbers of the rules that give a reason, and of those that form a basis
RULES_OF_REASONS = {reason: rules.split() for reason, rules in _of_reasons("rules").items()}
RULES_OF_BASES = {basis: rules.split() for basis, rules in _of_seed("bases", "basis", "rules").items()}


NL = Words(
    yes="JA",
    no="NEE",
    unknown="Dit adres is niet bekend: er is niets over vastgelegd, en zonder grondslag is het antwoord nee.",
    undocumented="Dit adres is bekend, maar er is geen enkele grondslag voor vastgelegd: het antwoord is nee.",
    redirected="Contact {contact} is sinds {since} opgegaan in {target}.",
    address="Adres: {address}",
    headline="Stand van {as_of}, met wat bekend was op {known_at}",
    since="sinds",
    until="tot en met",
    renewal="te vernieuwen vanaf",
    basis="grondslag",
    evidence="bewijs",
    given_by="gegeven bij",
    anchored_by="levend gehouden door",
    because_of="vanwege",
    rule="regel",
    to_yes="wat het ja zou maken",
    timeline="tijdlijn",
    carried_by="Dit adres hoort bij {count} contacten; er is een besluit over hen samen.",
    under_text="tekst {version}",
    received="ontvangen {when}",
    undated="zonder datum",
    bases={
        "consent": "toestemming", "soft_opt_in": "bestaande klant", "legitimate_interest": "gerechtvaardigd belang",
        "published_address": "bekendgemaakt adres",
    },
    channels={"email": "e-mail", "phone": "telefoon", "sms": "sms", "post": "post"},
    grounds={
        "consent": "De persoon gaf hiervoor zelf toestemming en die is nog niet verlopen.",
        "soft_opt_in": "De persoon kocht een soortgelijk product en kon zich afmelden; elk bericht biedt dat weer.",
        "legitimate_interest": "De persoon is geïnformeerd, de belangen zijn afgewogen en het land laat het toe; elk"
        " bericht biedt een afmelding.",
        "published_address": "De organisatie maakte dit adres voor dit gebruik bekend.",
    },
    why=_of_reasons("why_nl"),
    remedy=_of_reasons("remedy_nl"),
    withheld="Dit adres zelf mag hiervoor niet worden gebruikt, wat deze persoon ook vastlegde.",
    not_found={
        "nothing": "Van dit adres is niets gevonden.",
        "consent": "Er is geen record gevonden waarin deze persoon toestemming geeft.",
        "confirmation": "Er is een bevestiging nodig (dubbele opt-in), en die is niet gevonden.",
        "activity": "Er is geen activiteit van deze persoon gevonden.",
        "text": "De tekst {version} staat niet in het register; wat de persoon las is niet bekend.",
        "seal": "Nog niet verzegeld, want na de laatste verzegeling ontvangen: record {records}.",
    },
)  # fmt: skip

EN = Words(
    yes="YES",
    no="NO",
    unknown="This address is not known: nothing is on record of it, and without a basis the answer is no.",
    undocumented="This address is on record, but no basis is documented for it: the answer is no.",
    redirected="Contact {contact} has been part of {target} since {since}.",
    address="Address: {address}",
    headline="As of {as_of}, with what was known at {known_at}",
    since="since",
    until="until and including",
    renewal="renewal due from",
    basis="basis",
    evidence="evidence",
    given_by="given by",
    anchored_by="kept alive by",
    because_of="because of",
    rule="rule",
    to_yes="what would make it a yes",
    timeline="timeline",
    carried_by="{count} contacts carry this address; there is one decision over all of them.",
    under_text="text {version}",
    received="received {when}",
    undated="undated",
    bases={
        "consent": "consent", "soft_opt_in": "existing customer", "legitimate_interest": "legitimate interest",
        "published_address": "published address",
    },
    channels={"email": "e-mail", "phone": "phone", "sms": "text message", "post": "post"},
    grounds={
        "consent": "The person consented to this, and the consent has not expired.",
        "soft_opt_in": "The person bought a similar product and was offered an opt-out; every message offers it again.",
        "legitimate_interest": "The person was told, the interests were balanced and the country allows it; every"
        " message offers an opt-out.",
        "published_address": "The organisation made this address known for this use.",
    },
    why=_of_reasons("why_en"),
    remedy=_of_reasons("remedy_en"),
    withheld="This address itself may not be used for this, whatever this person has on record.",
    not_found={
        "nothing": "Nothing was found of this address.",
        "consent": "No record was found in which this person consents.",
        "confirmation": "A confirmation is needed (double opt-in), and none was found.",
        "activity": "No activity of this person was found.",
        "text": "The text {version} is not in the register; what the person read is not known.",
        "seal": "Not sealed yet, since received after the last seal: record {records}.",
    },
)  # fmt: skip

LANGUAGES: Mapping[str, Words] = {"nl": NL, "en": EN}
