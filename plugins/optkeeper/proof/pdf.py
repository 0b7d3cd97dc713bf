"""The dossier as pages: the same content as `dossier.json`, set by typst, which needs nothing of the system."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from babel import Locale
from babel.dates import format_date, format_datetime

from optkeeper import settings
from optkeeper.delivery.wording import WORDINGS, Wording

Row = Mapping[str, Any]
_STANDARD: Literal["ua-1"] = "ua-1"
_LIVE, _PENDING, _ENDED = "live", "pending", "ended"
_WAITING = ("awaiting_confirmation", "not_informed")


class PageWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The words of the pages in one language; those with braces are filled in by `str.format`."""

    language: str
    date_format: str
    moment_format: str
    title: str
    confidential: str
    page: str
    made: str
    because: str
    asked: str
    who: str
    contact: str
    known_as: str
    addresses: str
    country: str
    nobody: str
    decisions_then: str
    decisions_with: str
    decisions_today: str
    no_decisions: str
    columns_decisions: tuple[str, ...]
    yes: str
    no: str
    consents: str
    no_consents: str
    said_on: str
    undated: str
    for_what: str
    text_as_shown: str
    text_unknown: str
    method: str
    form_url: str
    ip: str
    user_agent: str
    document: str
    source: str
    received: str
    record: str
    counts: str
    counts_for: str
    does_not_count: str
    confirmation: str
    revoked: str
    in_quarantine: str
    superseded: str
    other_bases: str
    events: str
    columns_events: tuple[str, ...]
    timeline: str
    timeline_legend: str
    timeline_withheld: str
    sources: str
    columns_sources: tuple[str, ...]
    columns_vendors: tuple[str, ...]
    columns_channels: tuple[str, ...]
    first_party: str
    vendor: str
    open: str
    not_found: str
    all_found: str
    verify: str
    verify_text: str
    columns_records: tuple[str, ...]
    not_sealed: str
    head: str
    event_types: Mapping[str, str]

    @property
    def names(self) -> Wording:
        """The words of the lists in the same language: those of channels, purposes, bases and registers."""
        return WORDINGS[self.language]

    def scope(self, row: Row) -> str:
        """Brand, channel and purpose in words, as far as a row has them."""
        channel = self.names.channel(row["channel"]) if row["channel"] else None
        purpose = self.names.purpose(row["purpose"]) if row["purpose"] else None
        return _joined(row["brand"], channel, purpose, separator=" · ") or ""

    def day(self, text: str | None) -> str | None:
        """A date of JSON, as a reader writes it."""
        return None if text is None else format_date(date.fromisoformat(text), self.date_format, locale=self.language)

    def moment(self, text: str | None) -> str:
        """A moment of JSON in the business time zone, as a reader writes it."""
        if text is None:
            return self.undated
        local = datetime.fromisoformat(text).astimezone(settings.BUSINESS_TIME_ZONE)
        return format_datetime(local, self.moment_format, locale=self.language)


def words(language: str) -> PageWords:
    """The words of a language."""
    text = (files("optkeeper.proof") / "words" / f"{language}.toml").read_bytes()
    return msgspec.toml.decode(text, type=PageWords)


def pages(dossier: Row, why: Mapping[str, str]) -> bytes:
    """The PDF of a dossier.

    Args:
        dossier: what stands in `dossier.json`.
        why: a sentence for each reason, in the dossier's language.
    """
    import typst

    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "dossier.typ"
        shutil.copyfile(str(files("optkeeper.proof") / "dossier.typ"), template)
        (Path(folder) / "data.json").write_text(json.dumps(_shown(dossier, words(dossier["dct:language"]), why)))
        made = datetime.fromisoformat(dossier["dct:created"])
        pdf: bytes = typst.compile(
            str(template), format="pdf", ignore_system_fonts=True, pdf_standards=_STANDARD,
            timestamp=int(made.timestamp()),
        )  # fmt: skip
    return pdf


def _shown(dossier: Row, said: PageWords, why: Mapping[str, str]) -> dict[str, Any]:
    subject = dossier["dpv:hasDataSubject"]
    known = subject["known_as"] or {}
    name = " ".join(filter(None, (known.get("first_name"), known.get("last_name"))))
    spans = _timeline(dossier, said)
    return {
        "language": said.language,
        "id": dossier["@id"].removeprefix("urn:uuid:"),
        "title": said.title,
        "confidential": said.confidential,
        "page": said.page,
        "about": [
            [said.asked, dossier["asked"]["subject"]],
            [said.because, dossier["asked"]["because"]],
            [said.made, said.moment(dossier["dct:created"])],
        ],
        "who": said.who,
        "known": subject["is_known"],
        "nobody": said.nobody,
        "person": [
            [said.known_as, ", ".join(filter(None, (name, known.get("company"))))],
            [said.addresses, "; ".join(one["address"] for one in subject["addresses"])],
            [said.country, _country(known.get("country"), said)],
            [said.contact, subject.get("@id", "").rpartition(":")[2]],
        ],
        "decisions": [_decision(moment, dossier["decisions"], said) for moment in dossier["decisions"]],
        "no_decisions": said.no_decisions,
        "columns_decisions": said.columns_decisions,
        "timeline_title": said.timeline,
        **spans,
        "consents_title": said.consents,
        "no_consents": said.no_consents,
        "consents": [_consent(consent, said, why) for consent in dossier["consents"]],
        "other_bases_title": said.other_bases,
        "other_bases": [
            {"title": _heading(one, said), "lines": [*_evidence(one, said), *_standing(one, said, why)]}
            for one in dossier["other_bases"]
        ],
        "events_title": said.events,
        "columns_events": said.columns_events,
        "events": [_event(event, said) for event in dossier["events"]],
        "sources_title": said.sources,
        "columns_sources": said.columns_sources,
        "sources": [
            [
                one["source"], said.names.named("source_kind", one["kind"]),
                said.first_party if one["party"] == "first_party" else f"{said.vendor} {one['vendor']}",
                _lead_channel(one, said),
            ]
            for one in dossier["sources"]
        ],
        "columns_vendors": said.columns_vendors,
        "vendors": [_vendor(one, said) for one in dossier["vendors"]],
        "columns_channels": said.columns_channels,
        "lead_channels": [
            [
                _lead_channel(one, said), _joined(one["owner"], one["department"]), one["state"],
                _joined(*map(said.names.basis, one["allowed_bases"].split("|"))),
            ]
            for one in dossier["lead_channels"]
        ],
        "not_found_title": said.not_found,
        "all_found": said.all_found,
        "not_found": dossier["not_found"],
        "verify_title": said.verify,
        "verify_text": said.verify_text,
        "columns_records": said.columns_records,
        "records": [
            [
                str(one["record_id"]), f"{one['source']}, {one['object']}", said.moment(one["received_at"]),
                said.not_sealed if one["leaf"] is None else str(one["leaf"]), one["digest"],
            ]
            for one in dossier["records"]
        ],
        "head_title": said.head,
        "head": None if dossier["head"] is None else dossier["head"].strip(),
    }  # fmt: skip


def _decision(moment: Row, all_moments: Sequence[Row], said: PageWords) -> dict[str, Any]:
    if moment is all_moments[-1]:
        title = said.decisions_today
    else:
        title = said.decisions_then if moment["as_of"] == moment["known_at"] else said.decisions_with
    return {
        "title": title.format(as_of=said.moment(moment["as_of"]), known_at=said.moment(moment["known_at"])),
        "rows": [
            [
                row["brand"], said.names.channel(row["channel"]), said.names.purpose(row["purpose"]),
                said.yes if row["marketable"] else said.no,
                f"{row['because']} ({', '.join(row['rules'])})", said.day(row["expires_on"]), row["evidence_id"],
            ]
            for row in moment["scopes"]
        ],
    }  # fmt: skip


def _heading(event: Row, said: PageWords) -> str:
    return f"{said.moment(event['occurred_at'])}: {said.event_types[event['event_type']]}"


def _consent(consent: Row, said: PageWords, why: Mapping[str, str]) -> dict[str, Any]:
    notice = consent["dpv:hasNotice"]
    version = notice["dct:identifier"]
    text = notice["text_as_shown"] or (said.text_unknown if version else None)
    shown = [] if text is None else [[said.text_as_shown, f"“{text}” ({version})" if notice["text_as_shown"] else text]]
    assessed = sorted({_assessed(row, said, why) for row in consent["assessed"]})
    return {
        "title": _heading(consent, said),
        "lines": [
            *shown,
            *_evidence(consent, said),
            *([[said.counts, "; ".join(assessed)]] if assessed else []),
            *_standing(consent, said, why),
        ],
    }


def _evidence(event: Row, said: PageWords) -> Iterable[list[str]]:
    """Whatever a record says of where, how and by what it was given."""
    evidence = event["evidence"]
    labelled = {
        said.for_what: said.scope(event),
        said.method: evidence.get("method"),
        said.form_url: evidence.get("form_url"),
        said.ip: evidence.get("ip"),
        said.user_agent: evidence.get("user_agent"),
        said.document: _joined(
            *(
                evidence.get(name)
                for name in (
                    "document_ref", "recording_ref", "parental_ref", "order_id", "notice_version", "publication_url",
                    "publication_snapshot",
                )
            )
        ),
        said.source: _joined(event["source"], _lead_channel(event, said), event["batch"]),
        said.received: said.moment(event["received_at"]),
        said.record: str(event["record_id"]),
    }  # fmt: skip
    return [[label, value] for label, value in labelled.items() if value]


def _standing(event: Row, said: PageWords, why: Mapping[str, str]) -> list[list[str]]:
    told = []
    if event["quarantine_reason"]:
        told.append(said.in_quarantine.format(why=why.get(event["quarantine_reason"], event["quarantine_reason"])))
    if event["is_superseded"]:
        told.append(said.superseded)
    return [[said.counts, "; ".join(told)]] if told else []


def _assessed(row: Row, said: PageWords, why: Mapping[str, str]) -> str:
    told = [said.does_not_count.format(why=why[row["defect"]]) if row["defect"] else said.counts_for]
    if row["needs_confirmation"]:
        told.append(said.confirmation)
    if row["revoked_at"]:
        told.append(said.revoked.format(when=said.moment(row["revoked_at"])))
    return f"{said.scope(row)}: {', '.join(told)}"


def _event(event: Row, said: PageWords) -> list[str | None]:
    return [
        said.moment(event["occurred_at"]), said.event_types[event["event_type"]],
        _named(event["channel"], said.names.channel), _named(event["purpose"], said.names.purpose), event["source"],
        str(event["record_id"]),
    ]  # fmt: skip


def _vendor(one: Row, said: PageWords) -> list[str | None]:
    return [
        _joined(one["vendor"], one["name"]), one["role"], _joined(one["agreement_kind"], one["agreement_ref"]),
        _joined(said.day(one["agreement_from"]), said.day(one["agreement_to"]) or said.open, separator=" – "),
        _joined(one["process_ref"], said.day(one["process_review_due"])),
    ]  # fmt: skip


def _timeline(dossier: Row, said: PageWords) -> dict[str, Any]:
    """A bar for each scope and basis, from the first moment known to the last or the moment asked about."""
    shown = [(one, _shown_end(one, "from"), _shown_end(one, "to")) for one in dossier["timeline"]]
    intervals = [found for found in shown if found[1] or found[2]]
    known = [datetime.fromisoformat(end) for _, *ends in intervals for end in ends if end]
    if not known:
        return {"timeline": []}
    asked = [datetime.fromisoformat(moment["as_of"]) for moment in dossier["decisions"]]
    known += asked
    first, last = min(known), max(known)
    width = (last - first).total_seconds() or 1

    def place(text: str | None, otherwise: float) -> float:
        return otherwise if text is None else (datetime.fromisoformat(text) - first).total_seconds() / width

    rows: dict[tuple[str, ...], list[tuple[Row, str | None, str | None]]] = {}
    for one, begins, ends in intervals:
        label = f"{said.scope(one)} · {said.names.basis(one['basis'])}"
        rows.setdefault((one["address"], label), []).append((one, begins, ends))
    is_withheld = any(one.get("untold") for one, *_ in shown)
    return {
        "timeline_from": said.day(first.astimezone(UTC).date().isoformat()),
        "timeline_to": said.day(last.astimezone(UTC).date().isoformat()),
        "timeline_legend": f"{said.timeline_legend} {said.timeline_withheld}" if is_withheld else said.timeline_legend,
        "timeline_marks": [(moment - first).total_seconds() / width for moment in asked],
        "timeline": [
            {
                "label": label,
                "told": "; ".join(
                    f"{said.day(begins[:10]) if begins else ''} – {said.day(ends[:10]) if ends else ''}:"
                    f" {one['status']}, {one['reason']}"
                    for one, begins, ends in own
                ),
                "bars": [
                    {"from": place(begins, 0.0), "to": place(ends, 1.0), "kind": _kind(one["reason"])}
                    for one, begins, ends in own
                ],
            }
            for (_, label), own in rows.items()
        ],
    }


def _shown_end(interval: Row, end: Literal["from", "to"]) -> str | None:
    """Where a bar begins or ends: where its border is not told, at the person's own first or last moment in it."""
    return interval[f"valid_{end}"] or interval.get(f"surely_{end}")


def _kind(reason: str) -> str:
    if reason == "ok":
        return _LIVE
    return _PENDING if reason in _WAITING else _ENDED


def _named(code: str | None, name: Callable[[str], str]) -> str | None:
    return name(code) if code else None


def _lead_channel(row: Row, said: PageWords) -> str | None:
    return _named(row["lead_channel"], lambda code: said.names.named("lead_channel", code))


def _country(code: str | None, said: PageWords) -> str | None:
    return str(Locale(said.language).territories.get(code, code)) if code else None


def _joined(*parts: str | None, separator: str = ", ") -> str | None:
    return separator.join(filter(None, parts)) or None
