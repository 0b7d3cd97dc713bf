"""The words of `optkeeper status`: each reason as one plain sentence, and what would turn a no into a yes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `why` and `remedy` are by reason; `grounds` by the basis of a yes."""

    yes: str
    no: str
    unknown: str
    undocumented: str
    redirected: str
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


_OWN_CONSENT_NL = "Alleen een latere eigen toestemming, met volledig bewijs, via een eigen bron en voor dit adres."
_NOTHING_NL = "Niets."
_NEW_CONSENT_NL = "Een nieuwe toestemming met volledig bewijs."

NL = Words(
    yes="JA",
    no="NEE",
    unknown="Dit adres is niet bekend: er is niets over vastgelegd, en zonder grondslag is het antwoord nee.",
    undocumented="Dit adres is bekend, maar er is geen enkele grondslag voor vastgelegd: het antwoord is nee.",
    redirected="Contact {contact} is sinds {since} opgegaan in {target}.",
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
    why={
        "no_permission": "Er is geen vastgelegde grondslag voor dit kanaal, dit doel en dit merk.",
        "undated_permission": "De toestemming of verkoop heeft geen datum en bewijst daarom niets.",
        "import_never_grants": "De toestemming komt uit een import, en een import geeft nooit toestemming.",
        "evidence_incomplete": "Bij de toestemming of publicatie ontbreekt vereist bewijs.",
        "text_version_unknown": "De toestemmingstekst is niet geregistreerd of gold die dag niet.",
        "text_version_invalid": "De toestemmingstekst is ongeldig verklaard.",
        "scope_not_covered": "De tekst of publicatie dekt dit kanaal, dit doel of dit merk niet.",
        "awaiting_confirmation": "De toestemming wacht op haar bevestiging.",
        "confirmation_lapsed": "De toestemming is niet op tijd bevestigd.",
        "expired": "De termijn na de laatste handeling is verstreken.",
        "inactive": "De termijn zonder activiteit is verstreken.",
        "refused": "De persoon heeft geweigerd.",
        "deferred": "De persoon heeft het antwoord uitgesteld.",
        "withdrawn": "De persoon heeft zich afgemeld; dat beëindigt elke grondslag in dat bereik.",
        "objected": "De persoon heeft bezwaar gemaakt; dat is absoluut.",
        "revoked": "De bron heeft teruggetrokken wat zij leverde.",
        "spam_complaint": "De persoon heeft de post als spam gemeld; dat sluit het hele kanaal.",
        "undeliverable": "Het adres is onbestelbaar gebleken.",
        "left_company": "De persoon werkt niet meer op dit adres.",
        "deceased": "De persoon is overleden.",
        "minor": "De persoon was bij de toestemming te jong en er is geen bewijs van een ouder.",
        "erased": "De persoon heeft om wissing gevraagd.",
        "role_address": "Dit is een functieadres; daarvoor geldt alleen toestemming vanaf dat adres of een publicatie.",
        "not_informed": "De persoon is niet, of niet op tijd, over het gebruik geïnformeerd.",
        "assessment_missing": "Er is geen goedgekeurde en actuele belangenafweging voor dit bereik.",
        "basis_not_allowed": "Het land, het kanaal, de ontvanger of de herkomst laat deze grondslag niet toe.",
        "not_similar_product": "Het gekochte product lijkt niet op waar dit doel over gaat.",
        "no_opt_out_offered": "Bij de verkoop is geen afmelding aangeboden.",
        "vendor_not_covered": "De leverancier had bij levering geen geldige overeenkomst of actueel proces.",
        "channel_not_cleared": "De herkomst is niet vrijgegeven.",
        "unregistered_source": "De bron is niet geregistreerd.",
        "future_timestamp": "Het bewijs draagt een moment dat bij ontvangst nog moest komen.",
    },
    remedy={
        "no_permission": _NEW_CONSENT_NL,
        "undated_permission": _NEW_CONSENT_NL,
        "import_never_grants": _NEW_CONSENT_NL,
        "evidence_incomplete": "Het ontbrekende bewijs van de bron, of een nieuwe toestemming.",
        "text_version_unknown": "Registratie van de tekst zoals getoond, of een nieuwe toestemming.",
        "text_version_invalid": _NEW_CONSENT_NL,
        "scope_not_covered": "Een nieuwe toestemming onder een tekst die dit bereik dekt.",
        "awaiting_confirmation": "De bevestiging door de persoon, binnen de termijn.",
        "confirmation_lapsed": _NEW_CONSENT_NL,
        "expired": _NEW_CONSENT_NL,
        "inactive": "Een nieuwe verkoop of publicatie die aan de eisen voldoet, of toestemming.",
        "refused": _OWN_CONSENT_NL,
        "deferred": "Een toestemming; op een later verzoek kan de persoon alsnog ja zeggen.",
        "withdrawn": _OWN_CONSENT_NL,
        "objected": _OWN_CONSENT_NL,
        "revoked": _NEW_CONSENT_NL,
        "spam_complaint": _OWN_CONSENT_NL,
        "undeliverable": "Een latere handeling van de persoon vanaf dit adres.",
        "left_company": "Niets op dit adres; een nieuw adres vraagt een eigen grondslag.",
        "deceased": _NOTHING_NL,
        "minor": "Bewijs van de ouder, of een nieuwe toestemming zodra de leeftijd is bereikt.",
        "erased": "Alleen een nieuwe eigen toestemming via een eigen bron die geen CRM is.",
        "role_address": "Toestemming vanaf dit adres, of een publicatie die dit gebruik dekt.",
        "not_informed": "Een kennisgeving; voor gegevens van een leverancier alleen binnen de termijn van art. 14.",
        "assessment_missing": "Een goedgekeurde belangenafweging die dit bereik dekt, of toestemming.",
        "basis_not_allowed": "Toestemming.",
        "not_similar_product": "Een verkoop van een soortgelijk product, of toestemming.",
        "no_opt_out_offered": "Een verkoop waarbij afmelden wordt aangeboden, of toestemming.",
        "vendor_not_covered": "Een nieuwe levering onder een geldige overeenkomst, of eigen toestemming.",
        "channel_not_cleared": "Vrijgave van de herkomst door Legal.",
        "unregistered_source": "Registratie van de bron.",
        "future_timestamp": "Herstel van de klok of de datum bij de bron.",
    },
)  # fmt: skip

_OWN_CONSENT = (
    "Only a later consent of the person's own, fully evidenced, by a first-party source and for this address."
)
_NEW_CONSENT = "A new consent with full evidence."

EN = Words(
    yes="YES",
    no="NO",
    unknown="This address is not known: nothing is on record of it, and without a basis the answer is no.",
    undocumented="This address is on record, but no basis is documented for it: the answer is no.",
    redirected="Contact {contact} has been part of {target} since {since}.",
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
    why={
        "no_permission": "No basis is documented for this channel, purpose and brand.",
        "undated_permission": "The consent or sale has no date, and so proves nothing.",
        "import_never_grants": "The consent comes from an import, and an import never grants.",
        "evidence_incomplete": "Evidence that the consent or publication needs is missing.",
        "text_version_unknown": "The consent text is not registered, or was not in force that day.",
        "text_version_invalid": "The consent text was declared invalid.",
        "scope_not_covered": "The text or publication does not cover this channel, purpose or brand.",
        "awaiting_confirmation": "The consent waits for its confirmation.",
        "confirmation_lapsed": "The consent was not confirmed in time.",
        "expired": "The period after the last act has run out.",
        "inactive": "The period without activity has run out.",
        "refused": "The person refused.",
        "deferred": "The person put the answer off.",
        "withdrawn": "The person withdrew, which ends every basis in that scope.",
        "objected": "The person objected, which is absolute.",
        "revoked": "The source took back what it had delivered.",
        "spam_complaint": "The person reported the mail as spam, which closes the whole channel.",
        "undeliverable": "Mail to the address came back.",
        "left_company": "The person no longer works at this address.",
        "deceased": "The person died.",
        "minor": "The person was too young when consenting, and no parent's evidence is there.",
        "erased": "The person asked to be erased.",
        "role_address": "This is a role address: only a consent given from it or a publication of it counts.",
        "not_informed": "The person was not told of this use, or not in time.",
        "assessment_missing": "No balancing test that is approved and under review covers this scope.",
        "basis_not_allowed": "The country, channel, recipient or way in does not allow this basis.",
        "not_similar_product": "What was bought is not similar to what this purpose is about.",
        "no_opt_out_offered": "No opt-out was offered at the sale.",
        "vendor_not_covered": "The vendor delivered without an agreement in force or a process under review.",
        "channel_not_cleared": "The lead channel is not cleared.",
        "unregistered_source": "The source is not registered.",
        "future_timestamp": "The evidence claims a moment that was still to come at its receipt.",
    },
    remedy={
        "no_permission": _NEW_CONSENT,
        "undated_permission": _NEW_CONSENT,
        "import_never_grants": _NEW_CONSENT,
        "evidence_incomplete": "The missing evidence from its source, or a new consent.",
        "text_version_unknown": "Registering the text as it was shown, or a new consent.",
        "text_version_invalid": _NEW_CONSENT,
        "scope_not_covered": "A new consent under a text that covers this scope.",
        "awaiting_confirmation": "The person's confirmation, within its days.",
        "confirmation_lapsed": _NEW_CONSENT,
        "expired": _NEW_CONSENT,
        "inactive": "A new sale or publication that qualifies, or consent.",
        "refused": _OWN_CONSENT,
        "deferred": "A consent; the person may still say yes when asked again.",
        "withdrawn": _OWN_CONSENT,
        "objected": _OWN_CONSENT,
        "revoked": _NEW_CONSENT,
        "spam_complaint": _OWN_CONSENT,
        "undeliverable": "A later act of the person from this address.",
        "left_company": "Nothing at this address; a new address needs a basis of its own.",
        "deceased": "Nothing.",
        "minor": "A parent's evidence, or a new consent once the age is reached.",
        "erased": "Only a new consent of the person's own, by a first-party source that is no CRM.",
        "role_address": "A consent given from this address, or a publication that covers this use.",
        "not_informed": "A notice to the person; for delivered data only within the time of art. 14.",
        "assessment_missing": "An approved balancing test that covers this scope, or consent.",
        "basis_not_allowed": "Consent.",
        "not_similar_product": "A sale of a similar product, or consent.",
        "no_opt_out_offered": "A sale at which an opt-out is offered, or consent.",
        "vendor_not_covered": "A new delivery under an agreement in force, or a consent of the person's own.",
        "channel_not_cleared": "Legal's clearance of the lead channel.",
        "unregistered_source": "Registering the source.",
        "future_timestamp": "Mending the clock or the date at the source.",
    },
)  # fmt: skip

LANGUAGES: Mapping[str, Words] = {"nl": NL, "en": EN}
