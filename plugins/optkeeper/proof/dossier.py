"""The dossier as one signed JSON document: JSON-LD with the terms of W3C DPV, each consent in the structure of
ISO/IEC TS 27560.

It is signed as a whole and written in one spelling only, so that a document with any octet changed is another one.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.landing import document
from optkeeper.proof.facts import Facts, Row
from optkeeper.proof.person import Person
from optkeeper.proof.records import Sealed
from optkeeper.proof.withheld import WITHHELD
from optkeeper.status.decisions import Standing
from optkeeper.status.words import RULES_OF_BASES, RULES_OF_REASONS, Words

KIND = "optkeeper dossier 1"
TS_27560 = "https://w3id.org/dpv/schema/iso-27560"
CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "optkeeper": "urn:optkeeper:terms:",
    "@vocab": "urn:optkeeper:terms:",
    "payload": {"@id": "optkeeper:payload", "@type": "@json"},
    "dct:created": {"@type": "xsd:dateTime"},
    "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime"},
}
# what a record states of a consent, as DPV names it; what is decided of it stands under `assessed`
_STATED = {
    "consent_requested": "dpv:ConsentRequested",
    "consent_given": "dpv:ConsentGiven",
    "consent_confirmed": "dpv:ConsentGiven",
    "consent_renewed": "dpv:RenewedConsentGiven",
    "consent_refused": "dpv:ConsentRefused",
    "consent_deferred": "dpv:ConsentRequestDeferred",
    "consent_withdrawn": "dpv:ConsentWithdrawn",
    "consent_revoked": "dpv:ConsentRevoked",
}
_BASES = {
    "consent": "eu-gdpr:A6-1-a",
    "soft_opt_in": "eu-gdpr:A6-1-f",
    "legitimate_interest": "eu-gdpr:A6-1-f",
    "published_address": "eu-gdpr:A6-1-f",
}
_OTHER_BASES = {
    "sale_completed": "soft_opt_in",
    "notice_given": "legitimate_interest",
    "address_published": "published_address",
}
_EVIDENCE = (
    "method", "text_version", "form_url", "ip", "user_agent", "recording_ref", "document_ref", "parental_ref",
    "order_id",
    "product_category", "opt_out_offered_at_collection", "notice_version", "publication_url", "publication_snapshot",
    "published_purposes",
)  # fmt: skip
_KNOWN_AS = ("first_name", "last_name", "company", "email", "phone", "postal", "country", "recipient_form")
_DETAILS = ("bounce", "link", "is_machine", "seconds_since_delivery", "refers_to_event_id", "refers_to_batch")


class DossierRejected(Exception):
    """A file is no dossier in the one spelling that a dossier has."""


def composed(
    person: Person, facts: Facts, sealed: Sealed, *, reason: str, created: datetime, language: str, words: Words
) -> Row:
    """The dossier before it is signed."""
    texts = {text["text_version"]: text for text in facts.texts}
    assessed: dict[str, list[Row]] = {}
    for row in facts.assessed:
        assessed.setdefault(row["event_key"], []).append(
            {name: value for name, value in row.items() if name != "event_key"}
        )
    consents = [event for event in facts.events if event["event_type"] in _STATED]
    others = [event for event in facts.events if event["event_type"] in _OTHER_BASES]
    rest = [event for event in facts.events if event not in consents and event not in others]
    subject_id = f"urn:optkeeper:contact:{person.contact_id}" if person.contact_id else None
    dossier: Row = _plain(
        {
            "@context": CONTEXT,
            "@id": f"urn:uuid:{uuid.uuid4()}",
            "@type": "optkeeper:Dossier",
            "dct:created": created,
            "dct:language": language,
            "asked": {"subject": person.asked, "because": reason},
            "dpv:hasDataSubject": {
                "@type": "dpv:DataSubject",
                **({"@id": subject_id} if subject_id else {}),
                "is_known": person.contact_id is not None,
                "addresses": [{"address": one.address, "channels": list(one.channels)} for one in person.subjects],
                "known_as": facts.attributes,
                "stated_by": [
                    {"event": event["event_key"], **known}
                    for event in facts.events
                    if (known := {name: event[name] for name in _KNOWN_AS if event[name] is not None})
                ],
            },
            "consents": [
                _consent_record(event, subject_id, texts, assessed.get(event["event_key"], [])) for event in consents
            ],
            "other_bases": [_other_basis(event) for event in others],
            "events": [_event(event) for event in rest],
            "sources": facts.sources,
            "vendors": facts.vendors,
            "lead_channels": facts.lead_channels,
            "consent_texts": facts.texts,
            "timeline": facts.intervals,
            "decisions": [_moment(moment, rows, words) for moment, rows in facts.decisions],
            "not_found": _not_found(facts, sealed, words),
            "records": sealed.records,
            "head": sealed.head,
        }
    )
    return dossier


def signed(dossier: Mapping[str, Any], key: SigningKey) -> bytes:
    """The octets of a dossier, with its signature."""
    return spelled({**dossier, "signature": key.signed(statement(dossier))})


def statement(dossier: Mapping[str, Any]) -> str:
    """What is signed of a dossier: the SHA-256 of its octets without the signature."""
    content = {name: value for name, value in dossier.items() if name != "signature"}
    return f"{KIND}\n{hashlib.sha256(spelled(content)).hexdigest()}\n"


def spelled(dossier: Mapping[str, Any]) -> bytes:
    """The one spelling of a dossier."""
    return msgspec.json.format(document.encode(dossier), indent=2) + b"\n"


def read(octets: bytes) -> dict[str, Any]:
    """A dossier from its octets.

    Raises:
        DossierRejected: they are no JSON object, or not in its one spelling.
    """
    try:
        dossier = document.decode_strictly(octets)
    except document.MalformedDocument as problem:
        raise DossierRejected(f"the file is no dossier: {problem}") from None
    if not isinstance(dossier, dict) or spelled(dossier) != octets:
        raise DossierRejected("the file is not spelled as a dossier is: it was changed after it was written")
    return dossier


def _consent_record(event: Row, subject_id: str | None, texts: Mapping[str, Row], assessed: Sequence[Row]) -> Row:
    """One record of a consent, in the sections of ISO/IEC TS 27560: header, processing, and the event itself."""
    text = texts.get(event["text_version"] or "")
    return {
        "@type": "dpv:ConsentRecord",
        "@id": f"urn:optkeeper:event:{event['event_key']}",
        "dct:identifier": event["event_key"],
        "dct:conformsTo": TS_27560,
        "dpv:hasDataSubject": {"@id": subject_id},
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": event["text_version"],
            "dct:language": text["language"] if text else None,
            "text_as_shown": text["text"] if text else None,
        },
        "dpv:hasProcess": {
            "@type": "dpv:Process",
            "dpv:hasPurpose": {"@type": "dpv:DirectMarketing", "dct:title": event["purpose"]},
            "dpv:hasLegalBasis": {"@id": _BASES["consent"]},
            "dpv:hasDataController": {"@type": "dpv:DataController", "dct:title": event["brand"]},
            "dpv:hasDataSource": {"@type": "dpv:DataSource", "dct:title": event["source"]},
            "channel": event["channel"],
        },
        "dpv:hasConsentStatus": {"@id": _STATED[event["event_type"]]},
        "dpv:isIndicatedAtTime": event["occurred_at"],
        "dpv:hasIndicationMethod": event["method"],
        **_event(event),
        "assessed": assessed,
    }


def _other_basis(event: Row) -> Row:
    basis = _OTHER_BASES[event["event_type"]]
    return {"@type": "dpv:Process", "dpv:hasLegalBasis": {"@id": _BASES[basis]}, "basis": basis, **_event(event)}


def _event(event: Row) -> Row:
    return {
        "event": event["event_key"],
        "event_type": event["event_type"],
        "record_id": event["record_id"],
        "source": event["source"],
        "occurred_at": event["occurred_at"],
        "received_at": event["received_at"],
        "channel": event["channel"],
        "purpose": event["purpose"],
        "brand": event["brand"],
        "lead_channel": event["lead_channel"],
        "batch": event["batch"],
        "is_activity": event["is_activity"],
        "quarantine_reason": event["quarantine_reason"],
        "is_superseded": event["is_superseded"],
        "evidence": {name: event[name] for name in _EVIDENCE if event[name] is not None},
        **{name: event[name] for name in _DETAILS if event[name] is not None},
    }


def _moment(moment: Standing, rows: Sequence[Row], words: Words) -> Row:
    return {
        "as_of": moment.as_of,
        "known_at": moment.known_at,
        "scopes": [
            {
                **{name: value for name, value in row.items() if name != "contact_id"},
                "because": words.grounds[row["basis"]] if row["marketable"] else _why(row["reason"], words),
                "rules": RULES_OF_BASES[row["basis"]] if row["marketable"] else _rules(row["reason"]),
                "would_help": None if row["marketable"] else words.remedy.get(row["reason"]),
            }
            for row in rows
        ],
    }


def _why(reason: str, words: Words) -> str:
    return words.withheld if reason == WITHHELD else words.why[reason]


def _rules(reason: str) -> Sequence[str]:
    """The rules that give a reason; that a restriction holds for an address whoever else uses it is one (R25)."""
    return ["R25"] if reason == WITHHELD else RULES_OF_REASONS[reason]


def _not_found(facts: Facts, sealed: Sealed, words: Words) -> list[str]:
    """What a reader would look for and what is not there, in sentences."""
    types = {event["event_type"] for event in facts.events}
    missing = words.not_found
    found = []
    if not facts.events:
        return [missing["nothing"]]
    if not types & {"consent_given", "consent_renewed"}:
        found.append(missing["consent"])
    if any(row["needs_confirmation"] for row in facts.assessed) and "consent_confirmed" not in types:
        found.append(missing["confirmation"])
    if not any(event["is_activity"] for event in facts.events):
        found.append(missing["activity"])
    known = {text["text_version"] for text in facts.texts}
    for version in sorted({event["text_version"] for event in facts.events if event["text_version"]} - known):
        found.append(missing["text"].format(version=version))
    unsealed = [record["record_id"] for record in sealed.records if record["leaf"] is None]
    if unsealed:
        found.append(missing["seal"].format(records=", ".join(map(str, unsealed))))
    return found


def _plain(value: Any) -> Any:
    """A value of JSON: moments in RFC 3339, dates as YYYY-MM-DD."""
    if isinstance(value, datetime):
        return None if value.year <= 1 else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value
