"""Answers a request for proof with its dossier, for the command line and for the DAG alike (R39)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from optkeeper import settings
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.proof import requests
from optkeeper.proof.prove import NAME, PAGES, Asked, Made, prove

FILES = (PAGES, NAME)
_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_ANSWERS = "select from evidence.proof_request_steps where request_id = %s and step = 'answered' and told = %s"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request is to be answered: with the decisions of which moment too, in which language, and by whom."""

    request_id: int
    as_of: datetime | None
    language: str
    person: str


def answer(connection: psycopg.Connection[Any], asked: Answer, key: SigningKey, folder: Path) -> Made:
    """Makes a request's dossier in a folder and notes that it is answered.

    Raises:
        NoSuchRequest: there is none of that number.
        NothingPublished: nothing was published yet.
        SeveralPersons: the address does not say whose dossier is meant.
        LogBroken: the sealed log does not fit its head.
        TransformError: the person's worlds could not be built.
    """
    subject = requests.subject_of(connection, asked.request_id)
    about = Asked(subject, asked.as_of, asked.person, f"proof request {asked.request_id}")
    made = prove(connection, about, key, asked.language, folder)
    requests.take(connection, asked.request_id, "answered", person=asked.person, told=made.dossier_id)
    return made


def place(request_id: int, began: datetime) -> Path:
    """Where the dossier of a request is put that a run makes which began at a moment (UTC)."""
    return folder() / str(request_id) / f"{began:%Y%m%dT%H%M%SZ}"


def folder() -> Path:
    """The folder of all dossiers that runs made."""
    return settings.home() / "dossiers"


def stands(connection: psycopg.Connection[Any], request_id: int, where: Path) -> bool:
    """Whether a run has put the dossier there already and noted the answer: then it was killed after its work."""
    try:
        name = json.loads((where / NAME).read_bytes())["@id"]
    except FileNotFoundError:
        return False
    return connection.execute(_ANSWERS, (request_id, name)).fetchone() is not None


def made() -> Iterator[tuple[int, str]]:
    """The dossiers that runs made, the newest first: the number of the request, and the run's moment."""
    found = [
        (path.parent.name, int(path.parent.parent.name))
        for path in folder().glob(f"*/*/{NAME}")
        if path.parent.parent.name.isdigit() and _RUN.fullmatch(path.parent.name)
    ]
    for moment, request_id in sorted(found, reverse=True):
        yield request_id, moment
