"""Why a row is on the list, in words: given when, by which form and text, kept alive by what, and until when."""

from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

from optkeeper.delivery.published import Ground, Invitation
from optkeeper.delivery.templates import environment
from optkeeper.delivery.wording import WORDINGS, Wording

# A list says of thousands of people that they consented by the same form on the same day: a sentence is made once.
_SENTENCES = 8_192


def in_words(row: Invitation, words: Wording) -> str:
    """The reasons of one invitation, on one line. Purposes that rest on the same are told together."""
    alike = [(ground, [one.purpose for one in same]) for ground, same in groupby(row.grounds, _without_purpose)]
    return " ".join(_told(ground, purposes if len(alike) > 1 else [], words) for ground, purposes in alike)


def _without_purpose(ground: Ground) -> Ground:
    return ground._replace(purpose="")


def _told(ground: Ground, purposes: Sequence[str], words: Wording) -> str:
    """One ground; it names its purposes where the invitation has others."""
    language = words.language
    is_anchored_later = ground.anchored_on > ground.granted_on
    sentences = [
        _given(
            language,
            ground.basis,
            ground.granted_on,
            ground.form_url,
            ground.consent_text,
            ground.text_version,
            ground.source,
        ),
        _kept_alive(language, ground.anchored_by_type, ground.anchored_on)
        if is_anchored_later
        else _kept_alive(language, None, None),
        _lasting(language, ground.expires_on),
    ]
    if purposes:
        sentences[0] = f"{', '.join(map(words.purpose, purposes))}: {sentences[0]}"
    if ground.incomplete_consent:
        sentences.append(
            _said(
                language,
                "incomplete",
                evidence_id=ground.incomplete_consent,
                on=words.day(ground.incomplete_consent_on) if ground.incomplete_consent_on else "",
                lacks=[
                    words.named("evidence", element)
                    for element in (ground.incomplete_consent_lacks or "").split("|")
                    if element
                ],
            )
        )
    return " ".join(sentences)


@lru_cache(_SENTENCES)
def _given(
    language: str,
    basis: str,
    granted_on: date,
    form_url: str | None,
    text: str | None,
    text_version: str | None,
    source: str,
) -> str:
    words = WORDINGS[language]
    return _said(
        language,
        "given",
        granted=words.granted.get(basis, words.basis(basis)),
        granted_on=words.day(granted_on),
        form_url=form_url or "",
        text=text or "",
        text_version=text_version or "",
        source=words.source(source),
    )


@lru_cache(_SENTENCES)
def _kept_alive(language: str, event_type: str | None, anchored_on: date | None) -> str:
    words = WORDINGS[language]
    return _said(
        language,
        "kept_alive",
        act=words.named("event_type", event_type) if event_type else "",
        anchored_on=words.day(anchored_on) if anchored_on else "",
    )


@lru_cache(_SENTENCES)
def _lasting(language: str, expires_on: date) -> str:
    return _said(language, "lasting", expires_on=WORDINGS[language].day(expires_on))


def _said(language: str, sentence: str, **what: Any) -> str:
    return " ".join(getattr(_templates(language), sentence)(**what).split())


@cache
def _templates(language: str) -> Any:
    """The macros of a language, one for each sentence."""
    return environment().get_template(f"why.{language}.txt.j2").module
