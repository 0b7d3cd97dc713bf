"""Answers questions in a throw-away database, through the landing and the models of production."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from optkeeper import registry_check, settings, transform
from optkeeper.landing import addresses, document
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.sources.stream import Broken, Excerpt, Received
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
_CHANNELS = ("email", "phone", "sms", "post")
_FAST_AND_FORGETFUL = "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off"


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that breaks its contract: where it stands, why, and in which field. Holds nothing of its content."""

    position: str
    reason: str
    field: str | None
    detail: str

    def __str__(self) -> str:
        """As a line of an error text."""
        return f"{self.position}: {self.reason}{f' ({self.field})' if self.field else ''}: {self.detail}"


class QuestionError(ValueError):
    """A question that cannot be asked."""

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason, self.field = reason, field


class BrokenInput(ValueError):
    """Lines of the events or the questions break their contract, so that nothing is answered."""

    def __init__(self, lines: Sequence[BrokenLine]) -> None:
        count = f"{len(lines)} lines break their" if len(lines) > 1 else "a line breaks its"
        super().__init__(f"{count} contract; nothing is answered (--allow-broken answers all the same)")
        self.lines = tuple(lines)


def broken_lines(events: Path, questions: Path) -> list[BrokenLine]:
    """Every line of both files that breaks its contract, the events' first."""
    with events.open("rb") as lines:
        found = [
            BrokenLine(item.position, item.reason, item.field, item.detail)
            for item in read_events(lines, events.name, source=None)
            if isinstance(item, Broken)
        ]
    return found + _read_questions(questions)[1]


def unread_addresses(events: Path) -> list[BrokenLine]:
    """Every sound line with an address that cannot be read, where it permits nothing."""
    found, number = [], 0

    def counted() -> Iterator[bytes]:
        nonlocal number
        with events.open("rb") as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007  # read by the loop below, which keeps pace
                yield line

    for item in read_events(counted(), events.name, source=None):
        for address in item.addresses if isinstance(item, Received) else ():
            if addresses.compared(address) is None and address.raw.strip():
                detail = "The field holds no one address that can be read."
                field = f"contact.{address.kind}"
                found.append(BrokenLine(f"{events.name}:{number}", "unreadable_address", field, detail))
    return found


def evaluate(
    events: Path, questions: Path, registry: Path | None = None, *, allow_broken: bool = False
) -> Iterator[dict[str, Any]]:
    """The answers to the questions, in their order.

    Args:
        events: canonical events, JSON Lines.
        questions: questions, JSON Lines.
        registry: a folder of registries instead of the project's own.
        allow_broken: answer what can be asked although lines break their contract; the restrictions of broken lines
            count, and nothing else of them.

    Raises:
        BrokenInput: a line of either file breaks its contract.
        TransformError: a model failed.
    """
    if not allow_broken and (broken := broken_lines(events, questions)):
        raise BrokenInput(broken)
    asked, _ = _read_questions(questions)
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
            ["build", "--no-write-json", "--select", "+answers", "--resource-type", "model", "--resource-type", "seed"],
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
    registry_check.lay_over(registry, folder)
    return folder


def _land(connection: psycopg.Connection[Any], events: Path) -> None:
    with events.open("rb") as lines:
        read = _with_receipts(read_events(lines, events.name, source=None))
    # an identical redelivery keeps its first receipt (R9), so the earliest is landed first
    read.sort(key=_receipt)
    read.sort(key=_source)
    for source, records in groupby(read, key=_source):
        Landing(connection, source, honour_received_at=True).land(iter(list(records)))


def _with_receipts(items: Iterator[Received | Broken]) -> list[Received | Broken]:
    """The items; of a broken line whose receipt cannot be read, what it says came when it happened, else with the
    newest line before it: what is known of it must not begin to count only now.
    """
    found: list[Received | Broken] = []
    newest: str | None = None
    for item in items:
        if isinstance(item, Broken):
            item = replace(
                item,
                excerpts=tuple(
                    _received_with(part, part.event.get("received_at") or part.event.get("occurred_at") or newest)
                    for part in item.excerpts
                ),
            )
        elif item.payload.get("received_at"):
            stated = str(item.payload["received_at"])
            newest = stated if newest is None or _moment(stated) > _moment(newest) else newest
        found.append(item)
    return found


def _received_with(part: Excerpt, received_at: str | None) -> Excerpt:
    return replace(part, event={**part.event, "received_at": received_at}) if received_at else part


def _source(item: Received | Broken) -> str:
    if isinstance(item, Received):
        return str(item.payload["source"])
    return next((str(part.event["source"]) for part in item.excerpts if part.event.get("source")), "evaluation")


def _receipt(item: Received | Broken) -> datetime:
    stated = item.payload if isinstance(item, Received) else item.excerpts[0].event if item.excerpts else {}
    return _moment(str(stated.get("received_at") or "9999-12-31T00:00:00Z"))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=settings.BUSINESS_TIME_ZONE)


def _read_questions(questions: Path) -> tuple[list[dict[str, Any]], list[BrokenLine]]:
    """The questions that can be asked, and the lines that cannot."""
    asked, broken = [], []
    for number, line in enumerate(questions.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            asked.append(_read_question(line, number))
        except QuestionError as problem:
            broken.append(BrokenLine(f"{questions.name}:{number}", problem.reason, problem.field, str(problem)))
    return asked, broken


def _read_question(line: bytes, number: int) -> dict[str, Any]:
    try:
        question = document.decode_strictly(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
    except document.RepeatedKey:
        raise QuestionError("repeated_key", "A key stands twice in one object of the line.") from None
    except document.MalformedDocument:
        raise QuestionError("malformed_json", "The line is not a whole JSON document in UTF-8.") from None
    if not isinstance(question, dict):
        raise QuestionError("wrong_type", "The line is not a JSON object.")
    for field in ("id", "channel", "address", "purpose", "brand", "as_of"):
        if question.get(field) in (None, ""):
            raise QuestionError("missing_field", f"The field {field} is missing.", field)
    if question["channel"] not in _CHANNELS:
        raise QuestionError("unknown_channel", f"The channel is none of {', '.join(_CHANNELS)}.", "channel")
    wanted = dict if question["channel"] == "post" else str
    if not isinstance(question["address"], wanted):
        raise QuestionError("wrong_type", "The address is not of the kind that its channel has.", "address")
    for field in ("purpose", "brand"):
        if not isinstance(question[field], str):
            raise QuestionError("wrong_type", f"The field {field} is not a text.", field)
    question["known_at"] = question.get("known_at") or question["as_of"]
    for field in ("as_of", "known_at"):
        try:
            question[field] = _moment(question[field]).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise QuestionError("malformed_timestamp", f"The field {field} is no moment.", field) from None
        if not 1900 <= question[field].year < 9000:
            raise QuestionError("malformed_timestamp", f"The field {field} lies outside of all times.", field)
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
