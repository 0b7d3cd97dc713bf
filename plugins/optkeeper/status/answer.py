"""Answers `optkeeper status`: from the published marts, or from a world built for another moment."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from optkeeper.status import decisions, subject, told
from optkeeper.status.decisions import Decision, Scope, Standing
from optkeeper.status.subject import Subject
from optkeeper.status.words import LANGUAGES, Words
from optkeeper.warehouse import database


class NothingPublished(Exception):
    """There are no published marts to look an address up in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An address or contact id, which decisions, and for which moment; null is the standing build's."""

    text: str
    scope: Scope
    as_of: datetime | None = None
    known_at: datetime | None = None


def answer(asked: Asked, language: str, *, as_json: bool = False) -> Iterator[str]:
    """The lines of the answer.

    Raises:
        UnreadableSubject: what was given is neither an address nor a contact's id.
        NothingPublished: nothing was published yet.
        TransformError: the world of another moment could not be built.
    """
    words = LANGUAGES[language]
    named = subject.read(asked.text)
    with database.connect() as connection:
        standing = decisions.standing(connection)
        if standing is None:
            raise NothingPublished("nothing was published yet: run the build and the gate first")
        moment = Standing(asked.as_of or standing.as_of, asked.known_at or standing.known_at)
        subjects, redirect = _subjects(connection, named)
        if redirect and not as_json:
            contact_id, since = redirect
            yield words.redirected.format(contact=named.contact_id, target=contact_id, since=f"{since:%Y-%m-%d}")
        found = [
            (one, _decided(connection, one, asked.scope, moment, standing))
            for one in subjects
            if asked.scope.channel is None or asked.scope.channel in one.channels
        ]
        if as_json:
            yield from (json.dumps(told.as_json(decision)) for _, rows in found for decision in rows)
        elif not any(rows for _, rows in found):
            yield from _nothing_decided(connection, [one for one, _ in found], words)
        else:
            yield from _text(connection, found, moment, words, name_addresses=named.address is None)


def _nothing_decided(connection: psycopg.Connection[Any], subjects: Sequence[Subject], words: Words) -> Iterator[str]:
    carried = [one for one in subjects if decisions.carriers(connection, one)]
    yield words.undocumented if carried else words.unknown
    if any(decisions.is_role_address(connection, one) for one in carried):
        yield words.why["role_address"]


def _subjects(
    connection: psycopg.Connection[Any], named: Subject
) -> tuple[Sequence[Subject], tuple[str, datetime] | None]:
    """The addresses that are meant; of a retired contact's id those of the contact that it has joined (R36)."""
    if named.contact_id is None:
        return [named], None
    redirect = decisions.redirected(connection, named.contact_id)
    return decisions.addresses_of(connection, redirect[0] if redirect else named.contact_id), redirect


def _decided(
    connection: psycopg.Connection[Any], one: Subject, scope: Scope, moment: Standing, standing: Standing
) -> list[Decision]:
    if moment == standing:
        return decisions.look_up(connection, decisions.PUBLISHED, one, scope)
    if moment.known_at == standing.known_at:
        at_the_moment = decisions.asked(connection, one, moment.as_of)
        if at_the_moment is not None:
            return decisions.look_up(connection, at_the_moment, one, scope)
    # loads dbt, which takes seconds
    from optkeeper.status.another_world import built_for

    with built_for(connection, database.url(), one, scope, moment) as relations:
        return decisions.look_up(connection, relations, one, scope)


def _text(
    connection: psycopg.Connection[Any],
    found: Sequence[tuple[Subject, list[Decision]]],
    moment: Standing,
    words: Words,
    *,
    name_addresses: bool,
) -> Iterator[str]:
    for one, rows in found:
        if name_addresses:
            yield words.address.format(address=one.address)
        carriers = decisions.carriers(connection, one)
        if not rows:
            yield from _nothing_decided(connection, [one], words)
            continue
        if len(carriers) > 1:
            yield words.carried_by.format(count=len(carriers))
        yield from told.as_text(rows, moment, words)
