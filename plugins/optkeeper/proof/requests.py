"""The register of requests for proof, and their clock (R39): who asked about whom, by when it is answered, and by whom.

Nothing in it is changed: each step is a row of its own. A request that runs is a ground for keeping what it asks about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from optkeeper import settings
from optkeeper.delivery.policy_numbers import in_force
from optkeeper.status.subject import read

WAYS = ("letter", "mail", "phone", "desk")
_SATURDAY = 5
_COLUMNS = (
    "request_id, received_at, way, deadline_at, owner, acknowledged_at, answered_at, answered_by, closed_at,"
    " answered_in, is_running"
)
# what a watcher is told once a share of the term is over that policy gives in per cent
_WARNINGS = (
    ("proof_second_warning_percent", "ProofRequestAtThreeQuarters"),
    ("proof_first_warning_percent", "ProofRequestAtHalfTime"),
)
_BREACHED = "ProofRequestBreached"
_STAGES = [*reversed([rule for _, rule in _WARNINGS]), _BREACHED]


class NoSuchRequest(LookupError):
    """No request has that number."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it stands, without its subject: that is read only where it is needed."""

    request_id: int
    received_at: datetime
    way: str
    deadline_at: datetime
    owner: str | None
    acknowledged_at: datetime | None
    answered_at: datetime | None
    answered_by: str | None
    closed_at: datetime | None
    answered_in: timedelta | None
    is_running: bool

    def share_over(self, now: datetime) -> float:
        """The share of its term that is over, up to its answer."""
        until = self.answered_at or self.closed_at or now
        return (until - self.received_at) / (self.deadline_at - self.received_at)


def deadline(received_at: datetime) -> datetime:
    """By when a request is answered: the earlier of the hours and of the end of the working days that policy gives.

    Holidays count as working days, so that the term is never longer than it may be.
    """
    local = received_at.astimezone(settings.BUSINESS_TIME_ZONE)
    hours = int(in_force("proof_deadline_hours", local.date()).general)
    days = int(in_force("proof_deadline_working_days", local.date()).general)
    last = _working_days_after(local.date(), days)
    ends = datetime.combine(last + timedelta(days=1), time(), settings.BUSINESS_TIME_ZONE)
    return min(received_at + timedelta(hours=hours), ends)


def add(
    connection: psycopg.Connection[Any],
    subject: str,
    *,
    received_at: datetime,
    way: str,
    person: str,
    message_digest: bytes | None = None,
) -> int | None:
    """Registers a request and answers its number; None where the same mail is registered already.

    Raises:
        UnreadableSubject: what is asked about is no address and no contact's id.
    """
    named = read(subject)
    row = connection.execute(
        "insert into evidence.proof_requests (subject, received_at, way, deadline_at, message_digest, recorded_by)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (message_digest) do nothing returning request_id",
        (named.address or named.contact_id, received_at, way, deadline(received_at), message_digest, person),
    ).fetchone()
    return None if row is None else int(row[0])


def standing(connection: psycopg.Connection[Any], *, running_only: bool) -> list[Request]:
    """The requests, the earliest deadline first."""
    with connection.cursor(row_factory=class_row(Request)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from evidence.proof_request_states where is_running or not %s"  # noqa: S608  # constant
            " order by deadline_at, request_id".encode(),
            (running_only,),
        ).fetchall()


def subject_of(connection: psycopg.Connection[Any], request_id: int) -> str:
    """What a request asks about.

    Raises:
        NoSuchRequest: there is none of that number.
    """
    row = connection.execute(
        "select subject from evidence.proof_requests where request_id = %s", (request_id,)
    ).fetchone()
    if row is None:
        raise NoSuchRequest(f"there is no request {request_id}")
    return str(row[0])


def take(connection: psycopg.Connection[Any], request_id: int, step: str, *, person: str, told: str | None) -> None:
    """Notes a step of a request: `acknowledged`, `assigned` (to whom), `answered` (which dossier) or `closed` (how).

    Raises:
        NoSuchRequest: there is none of that number.
    """
    subject_of(connection, request_id)
    connection.execute(
        "insert into evidence.proof_request_steps (request_id, step, taken_by, told) values (%s, %s, %s, %s)",
        (request_id, step, person, told),
    )


def warnings(requests: Sequence[Request], now: datetime) -> list[dict[str, Any]]:
    """What a watcher is told of running requests: each at the shares of its term that policy gives (half time and
    three quarters), and when it is over. Each of these follows those before it."""
    told = []
    for request in requests:
        rule = _warning(request, now) if request.is_running else None
        if rule is not None:
            owner = f"owned by {request.owner}" if request.owner else "owned by nobody"
            due = f"{request.deadline_at.astimezone(settings.BUSINESS_TIME_ZONE):%Y-%m-%d %H:%M}"
            text = f"Request {request.request_id} for proof, {owner}, is to be answered by {due}."
            follows = _STAGES[: _STAGES.index(rule)]
            told.append({"rule": rule, "source": f"request {request.request_id}", "text": text, "follows": follows})
    return told


def _warning(request: Request, now: datetime) -> str | None:
    """The last of the warnings whose share of the term is over; null before the first."""
    share = request.share_over(now)
    if share >= 1:
        return _BREACHED
    day = request.received_at.astimezone(settings.BUSINESS_TIME_ZONE).date()
    return next((rule for key, rule in _WARNINGS if share * 100 >= int(in_force(key, day).general)), None)


def _working_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return day
