"""Whose dossier it is: one contact, so that of others who share an address nothing is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from optkeeper.status import decisions
from optkeeper.status.subject import Subject, read


class SeveralPersons(ValueError):
    """More than one contact carries the address; the text gives their ids, for whoever asks to choose."""


@dataclass(frozen=True, slots=True)
class Person:
    """The contact that is asked about, null where nobody is known, and the addresses that it carries."""

    asked: str
    contact_id: str | None
    subjects: tuple[Subject, ...]


def found(connection: psycopg.Connection[Any], text: str) -> Person:
    """The person that an address, or a contact's id, means.

    Where several contacts carry the address, it means the mailbox itself: the contact that has nothing else (R35).

    Raises:
        SeveralPersons: several contacts carry it, and none of them is the mailbox alone.
        UnreadableSubject: it is no address.
    """
    named = read(text)
    if named.contact_id is not None:
        redirect = decisions.redirected(connection, named.contact_id)
        return _of_contact(connection, text, redirect[0] if redirect else named.contact_id)
    carriers = decisions.carriers(connection, named)
    if not carriers:
        return Person(text, None, (named,))
    if len(carriers) > 1:
        carriers = _mailboxes(connection, named, carriers)
    return _of_contact(connection, text, carriers[0])


def _mailboxes(connection: psycopg.Connection[Any], named: Subject, carriers: Sequence[str]) -> list[str]:
    alone = [
        one for one in carriers if {each.address for each in decisions.addresses_of(connection, one)} == {named.address}
    ]
    if len(alone) != 1 or not decisions.is_role_address(connection, named):
        raise SeveralPersons(
            f"{len(carriers)} contacts carry this address; ask for the dossier of one by its id: {', '.join(carriers)}"
        )
    return alone


def _of_contact(connection: psycopg.Connection[Any], text: str, contact_id: str) -> Person:
    return Person(text, contact_id, tuple(decisions.addresses_of(connection, contact_id)))
