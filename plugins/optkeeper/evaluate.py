"""Answers questions in a throw-away database, through the landing and the models of production."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from optkeeper import settings, transform
from optkeeper.landing import addresses
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.sources.stream import Broken, Received
from optkeeper.warehouse import database, embedded

_QUESTIONS = """
create schema evaluation;
create table evaluation.questions (
    question_id bigint primary key, channel text, address text, address_base text, purpose text, brand text,
    as_of timestamptz not null, known_at timestamptz not null
)
"""
_ANSWERS = """
select question_id, marketable, basis, status, reason, evidence_id, expires_on, renewal_due_on, renewal_due
from intermediate.answers order by question_id
"""
_FAST_AND_FORGETFUL = "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off"


class QuestionError(ValueError):
    """A question that cannot be asked; the text names its line and field."""


def evaluate(events: Path, questions: Path, registry: Path | None = None) -> Iterator[dict[str, Any]]:
    """The answers to the questions, in their order.

    Raises:
        QuestionError: a question breaks its contract.
        TransformError: a model failed.
    """
    asked = [_read_question(line, number) for number, line in enumerate(questions.read_bytes().splitlines(), 1) if line]
    # the socket of the throw-away server needs a short path
    work = Path(tempfile.mkdtemp(prefix="opk"))
    try:
        address = _throw_away_database(work / "pg")
        with database.connect(address) as connection:
            database.ensure_raw(connection)
            _land(connection, events)
            _put(connection, asked)
            connection.execute("analyze")
        transform.run(
            ["build", "--select", "+answers", "--resource-type", "model", "--resource-type", "seed"],
            address=address, work_folder=work, variables={"questions": True}, seeds=_seeds(work, registry),
        )  # fmt: skip
        with database.connect(address) as connection:
            rows = connection.execute(_ANSWERS).fetchall()
    finally:
        embedded.stop(work / "pg")
        shutil.rmtree(work, ignore_errors=True)
    for question, row in zip(asked, rows, strict=True):
        _, marketable, basis, status, reason, evidence_id, expires_on, renewal_due_on, renewal_due = row
        yield {
            "id": question["id"],
            "marketable": marketable,
            "basis": basis,
            "status": status,
            "reason": reason,
            "evidence_id": evidence_id,
            "expires_on": expires_on and expires_on.isoformat(),
            "renewal_due_on": renewal_due_on and renewal_due_on.isoformat(),
            "renewal_due": renewal_due,
        }


def _throw_away_database(folder: Path) -> str:
    address = embedded.url("warehouse", folder)
    with psycopg.connect(address, autocommit=True) as connection:
        for setting in _FAST_AND_FORGETFUL:
            name, value = setting.split("=")
            connection.execute(f"alter system set {name} = {value}")
        connection.execute("select pg_reload_conf()")
    return address


def _seeds(work: Path, registry: Path | None) -> Path | None:
    if registry is None:
        return None
    folder = work / "seeds"
    shutil.copytree(settings.DBT_PROJECT / "seeds", folder)
    for own in registry.glob("*.csv"):
        standing = list(folder.rglob(own.name))
        shutil.copyfile(own, standing[0] if standing else folder / own.name)
    return folder


def _land(connection: psycopg.Connection[Any], events: Path) -> None:
    with events.open("rb") as lines:
        read = list(read_events(lines, events.name, source=None))
    # an identical redelivery keeps its first receipt (R9), so the earliest is landed first
    known = [item for item in read if isinstance(item, Received)]
    known.sort(key=lambda item: _moment(str(item.payload.get("received_at") or "9999-12-31T00:00:00Z")))
    known.sort(key=lambda item: str(item.payload["source"]))
    for source, records in groupby(known, key=lambda item: str(item.payload["source"])):
        Landing(connection, source, honour_received_at=True).land(iter(records))
    broken: Iterable[Broken] = (item for item in read if isinstance(item, Broken))
    Landing(connection, "evaluation").land(iter(broken))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=settings.BUSINESS_TIME_ZONE)


def _read_question(line: bytes, number: int) -> dict[str, Any]:
    try:
        question = json.loads(line)
    except ValueError:
        raise QuestionError(f"question on line {number}: not JSON") from None
    if not isinstance(question, dict):
        raise QuestionError(f"question on line {number}: not an object")
    for field in ("id", "channel", "address", "purpose", "brand", "as_of"):
        if question.get(field) in (None, ""):
            raise QuestionError(f"question on line {number}: {field} is missing")
    question["known_at"] = question.get("known_at") or question["as_of"]
    for field in ("as_of", "known_at"):
        try:
            question[field] = _moment(question[field])
        except (TypeError, ValueError):
            raise QuestionError(f"question on line {number}: {field} is no moment") from None
    return question


def _put(connection: psycopg.Connection[Any], asked: list[dict[str, Any]]) -> None:
    connection.execute(_QUESTIONS)
    with (
        connection.transaction(),
        connection.cursor() as cursor,
        cursor.copy(
            "copy evaluation.questions"
            " (question_id, channel, address, address_base, purpose, brand, as_of, known_at) from stdin"
        ) as copy,
    ):
        for number, question in enumerate(asked):
            address = _compared(question["channel"], question["address"])
            copy.write_row(
                (number, question["channel"], address, addresses.base(address) if address else None,
                 question["purpose"], question["brand"], question["as_of"], question["known_at"])
            )  # fmt: skip


def _compared(channel: str, address: Any) -> str | None:
    if channel == "post":
        return addresses.postal(address) if isinstance(address, dict) else None
    return addresses.email(str(address)) if channel == "email" else addresses.phone(str(address))
