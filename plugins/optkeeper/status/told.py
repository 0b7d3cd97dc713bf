"""Decisions as text for a reader, and as JSON for a program."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from optkeeper import settings
from optkeeper.status.decisions import Decision, Event, Interval, Standing
from optkeeper.status.words import RULES_OF_BASES, RULES_OF_REASONS, Words

_WIDTH = 48
_LIVE, _PENDING, _ENDED = "█", "▒", "·"


def as_text(decisions: Sequence[Decision], standing: Standing, words: Words) -> Iterator[str]:
    """The lines of an answer: a headline, and one paragraph for each scope."""
    yield words.headline.format(as_of=_moment(standing.as_of), known_at=_moment(standing.known_at))
    for decision in decisions:
        yield ""
        yield from _paragraph(decision, standing, words)


def as_json(decision: Decision) -> dict[str, Any]:
    """One decision as a JSON object; moments in RFC 3339, dates as YYYY-MM-DD."""
    return {
        "channel": decision.channel,
        "address": decision.address,
        "purpose": decision.purpose,
        "brand": decision.brand,
        "marketable": decision.is_marketable,
        "basis": decision.basis,
        "status": decision.status,
        "reason": decision.reason,
        "since": _iso(decision.since),
        "until": _iso(decision.until),
        "expires_on": _iso(decision.expires_on),
        "renewal_due_on": _iso(decision.renewal_due_on),
        "evidence": _event_json(decision.evidence),
        "given_by": _event_json(decision.given_by),
        "anchored_by": _event_json(decision.anchored_by),
        "because_of": _event_json(decision.because_of),
        "timeline": [
            {
                "contact_id": interval.contact_id,
                "basis": interval.basis,
                "status": interval.status,
                "reason": interval.reason,
                "valid_from": _iso(_bounded(interval.valid_from)),
                "valid_to": _iso(interval.valid_to),
            }
            for interval in decision.timeline
        ],
    }


def _paragraph(decision: Decision, standing: Standing, words: Words) -> Iterator[str]:
    scope = f"{decision.brand} · {words.channels[decision.channel]} · {decision.purpose}"
    yield f"{words.yes if decision.is_marketable else words.no}  {scope}  ({decision.status}, {decision.reason})"
    for label, value in _facts(decision, words):
        yield f"    {label + ':':<{_label_width(words)}} {value}"
    if decision.timeline:
        yield f"    {words.timeline}:"
        yield from _picture(decision.timeline, standing, words)


def _label_width(words: Words) -> int:
    labels = (words.since, words.until, words.renewal, words.basis, words.evidence, words.rule, words.to_yes)
    return max(map(len, labels)) + 1


def _facts(decision: Decision, words: Words) -> Iterator[tuple[str, str]]:
    since = _bounded(decision.since)
    if since:
        yield words.since, _moment(since)
    if decision.expires_on:
        yield words.until, decision.expires_on.isoformat()
    if decision.renewal_due_on:
        yield words.renewal, decision.renewal_due_on.isoformat()
    if decision.basis:
        yield words.basis, words.bases[decision.basis]
    if decision.evidence:
        yield words.evidence, _event(decision.evidence, words)
    if decision.given_by and decision.given_by != decision.evidence:
        yield words.given_by, _event(decision.given_by, words)
    if decision.anchored_by and decision.anchored_by not in (decision.evidence, decision.given_by):
        yield words.anchored_by, _event(decision.anchored_by, words)
    if decision.because_of:
        yield words.because_of, _event(decision.because_of, words)
    if decision.basis:
        yield words.rule, f"{words.grounds[decision.basis]} ({', '.join(RULES_OF_BASES[decision.basis])})"
    else:
        yield words.rule, f"{words.why[decision.reason]} ({', '.join(RULES_OF_REASONS[decision.reason])})"
        yield words.to_yes, words.remedy[decision.reason]


def _event(event: Event, words: Words) -> str:
    when = _moment(event.occurred_at) if event.occurred_at else words.undated
    told = f"{event.event_type} {when}, {event.event_id}, {words.received.format(when=_moment(event.received_at))}"
    return f"{told}, {words.under_text.format(version=event.text_version)}" if event.text_version else told


def _picture(timeline: Sequence[Interval], standing: Standing, words: Words) -> Iterator[str]:
    """A bar for each contact's basis from the first to the last moment known, and its intervals below."""
    moments = [
        moment for interval in timeline for moment in (_bounded(interval.valid_from), interval.valid_to) if moment
    ]
    first, last = min([*moments, standing.as_of]), max([*moments, standing.as_of])
    if first == last:
        last = first + timedelta(days=1)
    several = len({interval.contact_id for interval in timeline}) > 1
    yield f"      {first.year}{str(last.year):>{_WIDTH - 4}}"
    for contact_id, basis in dict.fromkeys((interval.contact_id, interval.basis) for interval in timeline):
        own = [one for one in timeline if (one.contact_id, one.basis) == (contact_id, basis)]
        bar = [" "] * _WIDTH
        for interval in own:
            start = _column(_bounded(interval.valid_from) or first, first, last)
            for column in range(start, max(start + 1, _column(interval.valid_to or last, first, last))):
                bar[min(column, _WIDTH - 1)] = _shade(interval)
        yield f"      {''.join(bar)}  {words.bases[basis]}{f' ({contact_id[:8]})' if several else ''}"
        for interval in own:
            since, until = _bounded(interval.valid_from), interval.valid_to
            span = f"{_day(since) if since else '…':<10} – {_day(until) if until else '…':<10}"
            yield f"        {span} {interval.status}, {interval.reason}"
    marker = " " * min(_column(standing.as_of, first, last), _WIDTH - 1)
    yield f"      {marker}^ {_day(standing.as_of)}"


def _shade(interval: Interval) -> str:
    if interval.reason == "ok":
        return _LIVE
    return _PENDING if interval.reason in ("awaiting_confirmation", "not_informed") else _ENDED


def _column(moment: datetime, first: datetime, last: datetime) -> int:
    return int((moment - first) / (last - first) * _WIDTH)


def _bounded(moment: datetime | None) -> datetime | None:
    """A moment, or nothing where there was no beginning."""
    return moment if moment and moment.year > 1 else None


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(settings.BUSINESS_TIME_ZONE):%Y-%m-%d %H:%M}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(settings.BUSINESS_TIME_ZONE):%Y-%m-%d}"


def _iso(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None


def _event_json(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "event_id": event.event_id,
        "type": event.event_type,
        "occurred_at": _iso(event.occurred_at),
        "received_at": _iso(event.received_at),
        "source": event.source,
        "text_version": event.text_version,
    }
