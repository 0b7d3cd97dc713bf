"""Makes the dossier of a person (R39), checks it as its reader will, and records that somebody looked."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.proof import dossier as dossiers
from optkeeper.proof import facts as known
from optkeeper.proof import person as persons
from optkeeper.proof import records
from optkeeper.proof.pdf import pages
from optkeeper.proof.verify import Verified, verify
from optkeeper.proof.withheld import WITHHELD
from optkeeper.runtime.files import write_whole
from optkeeper.status import decisions
from optkeeper.status.answer import NothingPublished
from optkeeper.status.decisions import Standing
from optkeeper.status.words import LANGUAGES

NAME, PAGES = "dossier.json", "dossier.pdf"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose dossier, for which moment (null: today alone), who asks for it and why."""

    text: str
    as_of: datetime | None
    made_by: str
    because: str


@dataclass(frozen=True, slots=True)
class Made:
    """The dossier's file, and what its own check found."""

    path: Path
    dossier_id: str
    verified: Verified


def prove(connection: psycopg.Connection[Any], asked: Asked, key: SigningKey, language: str, folder: Path) -> Made:
    """Writes the dossier into a folder, as `dossier.json` and as pages.

    Raises:
        NothingPublished: nothing was published yet.
        SeveralPersons: the address does not say whose dossier is meant.
        LogBroken: the sealed log does not fit its head.
        TransformError: the person's worlds could not be built.
    """
    standing = decisions.standing(connection)
    if standing is None:
        raise NothingPublished("nothing was published yet: run the build and the gate first")
    person = persons.found(connection, asked.text)
    facts = known.gathered(connection, person, _moments(asked.as_of, standing), standing)
    numbers = sorted({event["record_id"] for event in facts.events})
    content = dossiers.composed(
        person, facts, records.sealed(connection, numbers, key.verification),
        reason=asked.because, created=datetime.now(UTC), language=language, words=LANGUAGES[language],
    )  # fmt: skip
    octets = dossiers.signed(content, key)
    verified = verify(octets, key.verification)
    _record(connection, asked, person, str(content["@id"]), octets, key)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / NAME, octets.decode())
    write_whole(folder / PAGES, pages(dossiers.read(octets), _why(language)))
    return Made(folder / NAME, str(content["@id"]), verified)


def _why(language: str) -> dict[str, str]:
    told = LANGUAGES[language]
    return {**told.why, WITHHELD: told.withheld}


def _moments(as_of: datetime | None, today: Standing) -> Sequence[Standing]:
    """What was decided then by what was known then, what is known today of then, and today."""
    if as_of is None:
        return [today]
    return list(dict.fromkeys([Standing(as_of, as_of), Standing(as_of, today.known_at), today]))


def _record(
    connection: psycopg.Connection[Any],
    asked: Asked,
    person: persons.Person,
    name: str,
    octets: bytes,
    key: SigningKey,
) -> None:
    whom = person.contact_id or person.subjects[0].address or ""
    digest = hmac.new(key.derived("optkeeper looked at"), whom.encode(), hashlib.sha256).digest()
    connection.execute(
        "insert into evidence.dossiers (dossier_id, made_by, because, subject_digest, contents_digest)"
        " values (%s, %s, %s, %s, %s)",
        (name, asked.made_by, asked.because, digest, hashlib.sha256(octets).digest()),
    )
