"""Why a row is on the list, in words: given when, by which form and text, kept alive by what, and until when."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from optkeeper.delivery.published import Ground, Invitation
from optkeeper.delivery.templates import environment
from optkeeper.delivery.wording import Wording


@dataclass(frozen=True, slots=True)
class _Told:
    """One ground as the template tells it; `purposes` is empty where the invitation has no other."""

    purposes: str
    granted: str
    granted_on: str
    form_url: str
    text: str
    text_version: str
    source: str
    act: str
    anchored_on: str
    expires_on: str
    incomplete_consent: str
    incomplete_consent_on: str
    lacks: tuple[str, ...]


def in_words(row: Invitation, words: Wording) -> str:
    """The reasons of one invitation, on one line. Purposes that rest on the same are told together."""
    alike = [(ground, [one.purpose for one in same]) for ground, same in groupby(row.grounds, _without_purpose)]
    told = [_told(ground, purposes if len(alike) > 1 else [], words) for ground, purposes in alike]
    return " ".join(_template(words.language)(told).split())


@cache
def _template(language: str) -> Callable[[list[_Told]], str]:
    """Its macro: a list has many rows, and to begin a template anew for each takes as long as to fill it in."""
    module: Any = environment().get_template(f"why.{language}.txt.j2").module
    told: Callable[[list[_Told]], str] = module.told
    return told


def _without_purpose(ground: Ground) -> Ground:
    return ground._replace(purpose="")


def _told(ground: Ground, purposes: list[str], words: Wording) -> _Told:
    is_anchored_later = ground.anchored_on > ground.granted_on
    incomplete_on = ground.incomplete_consent_on
    return _Told(
        purposes=", ".join(map(words.purpose, purposes)),
        granted=words.granted.get(ground.basis, words.basis(ground.basis)),
        granted_on=words.day(ground.granted_on),
        form_url=ground.form_url or "",
        text=ground.consent_text or "",
        text_version=ground.text_version or "",
        source=words.source(ground.source),
        act=words.named("event_type", ground.anchored_by_type) if is_anchored_later else "",
        anchored_on=words.day(ground.anchored_on),
        expires_on=words.day(ground.expires_on),
        incomplete_consent=ground.incomplete_consent or "",
        incomplete_consent_on=words.day(incomplete_on) if incomplete_on else "",
        lacks=tuple(
            words.named("evidence", element)
            for element in (ground.incomplete_consent_lacks or "").split("|")
            if element
        ),
    )
