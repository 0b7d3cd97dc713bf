"""The steps of the way, each whole and repeatable: what a DAG's task and the command line both call.

Each answers counts and ids only, small enough for an XCom and without personal data. Heavy libraries
are imported inside, so that a DAG file that names a step still parses at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optkeeper import registry, settings
from optkeeper.private import kept_private
from optkeeper.warehouse.errors import rows_untold

if TYPE_CHECKING:
    from optkeeper.delivery.storage import Destination
    from optkeeper.gate.report import StatementResult

SMTP_CONNECTION = "optkeeper_smtp"
DELIVERIES_CONNECTION = "optkeeper_deliveries"


@kept_private()
@rows_untold()
def pull(source_name: str) -> dict[str, Any]:
    """Pulls one registered source to exhaustion and lands what is new."""
    from optkeeper import connections
    from optkeeper.landing.pull import pull as pull_source
    from optkeeper.warehouse import database

    source = registry.pulled_source(source_name)
    with database.connect() as connection:
        database.ensure_raw(connection)
        counts = pull_source(connection, source, connections.get(source.connection_id))
    return {"source": source_name, **asdict(counts)}


@kept_private()
@rows_untold()
def build(run_id: str, as_of: datetime, *, full: bool = False) -> dict[str, Any]:
    """Builds and tests the candidate marts for a business moment: what changed, or everything."""
    from optkeeper import transform

    return {"run_id": run_id, "as_of": as_of.isoformat(), **asdict(transform.build(run_id, as_of, full=full))}


@kept_private()
@rows_untold()
def compare() -> dict[str, Any]:
    """Compares what stands with a full build; raises where a row differs, or where nothing stands."""
    from optkeeper import transform

    return asdict(transform.compare())


@kept_private()
@rows_untold()
def gate(run_id: str, as_of: datetime) -> dict[str, Any]:
    """Lets the gate judge the candidate marts of a run; raises when it stops them."""
    from optkeeper.gate.run import run_gate
    from optkeeper.warehouse import database

    report = run_gate(database.url(), run_id=run_id, as_of=as_of, docs_folder=settings.home() / "gate")
    return {
        "run_id": run_id,
        **report.counts(),
        "warnings": [one for result in report.warnings for one in _told(result)],
    }


def _told(result: "StatementResult") -> list[dict[str, str]]:
    """A statement that does not hold, once for each source that it names: each has an owner of its own."""
    sources = sorted({str(row["source"]) for row in result.sample if row.get("source")})
    return [{"rule": result.rule, "source": source, "text": result.described()} for source in sources or [""]]


@kept_private()
@rows_untold()
def shrunk(run_id: str | None = None) -> list[dict[str, str]]:
    """The sources, and the marts as `marts.NAME`, that keep the gate closed since they shrank, with the numbers.

    Args:
        run_id: the run that the gate judged; without one, the last.
    """
    from optkeeper.gate import ledger
    from optkeeper.warehouse import database

    with database.connect() as connection:
        ledger.ensure_gate(connection)
        return [{"name": name, "told": told} for name, told in ledger.shrunk(connection, run_id).items()]


@kept_private()
@rows_untold()
def accept_shrunk(found: list[dict[str, str]], answers: list[dict[str, Any]], *, accept: str) -> dict[str, Any]:
    """Accepts what a person has accepted, in that person's name; whatever nobody answered for stays as it is."""
    from optkeeper.gate.ledger import accept_volume
    from optkeeper.warehouse import database

    accepted = []
    with database.connect() as connection:
        for one, answer in zip(found, answers, strict=True):
            person = answer.get("responded_by_user") or {}
            name = str(person.get("name") or person.get("id") or "")
            if accept in (answer.get("chosen_options") or ()) and name:
                accept_volume(connection, one["name"], name)
                accepted.append(one["name"])
    return {"accepted": accepted}


class MorningLate(Exception):
    """Today is not published and delivered though it should be; the text says what is missing."""


@kept_private()
@rows_untold()
def check_morning() -> dict[str, Any]:
    """Looks whether today is published and delivered.

    Raises:
        MorningLate: it is not, and the time for it is over.
    """
    from optkeeper.warehouse import database
    from optkeeper.web.today import gather

    with database.connect() as connection:
        today = gather(connection)
    if today.verdict == "late":
        raise MorningLate(today.missing)
    return {"day": today.day.isoformat(), "verdict": today.verdict}


@kept_private()
@rows_untold()
def publish(run_id: str) -> dict[str, Any]:
    """Publishes the candidate marts of a run that the gate has passed."""
    from optkeeper.warehouse import database
    from optkeeper.warehouse.publish import publish as publish_candidate

    with database.connect() as connection:
        return {"run_id": run_id, **asdict(publish_candidate(connection, run_id))}


@contextmanager
def _storage() -> Iterator["Destination"]:
    """The place of the deliveries, with the login that Airflow's connection holds."""
    from optkeeper import connections
    from optkeeper.delivery.storage import opened

    found = connections.find(DELIVERIES_CONNECTION)
    with opened(settings.deliveries_url(), found.extra if found else None) as destination:
        yield destination


@kept_private()
@rows_untold()
def seal() -> dict[str, Any]:
    """Seals what has landed since the last time: answers, by log, how many leaves came and how many there are (R40)."""
    from optkeeper.evidence import keys
    from optkeeper.evidence.seal import seal as seal_logs
    from optkeeper.warehouse import database

    with database.connect() as connection, _storage() as destination:
        sealed = seal_logs(connection, keys.signing_key(), destination)
    return {one.log: {"added": one.added, "leaves": one.size} for one in sealed}


@kept_private()
@rows_untold()
def check_evidence() -> dict[str, Any]:
    """Checks that all that was received and sealed is what it was; raises, with the rows' numbers, where it is not."""
    from optkeeper.evidence import keys
    from optkeeper.evidence.check import check
    from optkeeper.warehouse import database

    with database.connect() as connection, _storage() as destination:
        return {"rows_checked": check(connection, keys.signing_key().verification, destination).rows}


@kept_private()
@rows_untold()
def go_on_from_restore() -> dict[str, Any]:
    """Signs, outside the warehouse, that the log goes on from what a restored warehouse holds of it (R40)."""
    from optkeeper.evidence import keys
    from optkeeper.evidence.restored import go_on
    from optkeeper.warehouse import database

    with database.connect() as connection, _storage() as destination:
        return go_on(connection, keys.signing_key(), destination)


@kept_private()
@rows_untold()
def watch_proof_requests() -> dict[str, Any]:
    """Registers the mails that ask for proof, and warns of each request whose term runs out (R39)."""
    from optkeeper.proof import mailbox, requests
    from optkeeper.warehouse import database

    folder = settings.proof_mailbox()
    with database.connect() as connection:
        found = mailbox.read(connection, folder, person="watch_proof_requests") if folder else mailbox.Mailbox((), ())
        running = requests.standing(connection, running_only=True)
    warned = requests.warnings(running, datetime.now(UTC))
    unread = [{"rule": "ProofRequestUnreadable", "text": text} for text in found.unreadable]
    return {"added": len(found.added), "running": len(running), "warnings": [*warned, *unread]}


@kept_private()
@rows_untold()
def answer_proof_request(
    request_id: int, *, as_of: datetime | None, language: str, person: str, began: datetime
) -> dict[str, Any]:
    """Answers a request for proof with its dossier, once for a run that began at a moment (R39)."""
    from optkeeper.evidence import keys
    from optkeeper.proof import answer
    from optkeeper.warehouse import database

    folder = answer.place(request_id, began.astimezone(UTC))
    with database.connect() as connection:
        if not answer.stands(connection, request_id, folder):
            asked = answer.Answer(request_id, as_of, language, person)
            answer.answer(connection, asked, keys.signing_key(), folder)
    return {"request": request_id, "page": f"/optkeeper/dossiers/{request_id}/{folder.name}/{answer.FILES[0]}"}


@kept_private()
@rows_untold()
def document() -> dict[str, Any]:
    """Describes the marts, as published, on one page for their readers."""
    from optkeeper import transform

    return {"page": str(transform.document(settings.home() / "docs"))}


class DeliveryIncomplete(Exception):
    """Some lists could not be delivered; the others were, and another run delivers the rest."""


@kept_private()
@rows_untold()
def deliver() -> dict[str, Any]:
    """Delivers what is published and was not delivered yet."""
    from optkeeper import connections, heartbeat
    from optkeeper.delivery.deliver import deliver as deliver_lists
    from optkeeper.delivery.mail import Mailer
    from optkeeper.warehouse import database

    smtp, storage = connections.find(SMTP_CONNECTION), connections.find(DELIVERIES_CONNECTION)
    with database.connect() as connection:
        report = deliver_lists(
            connection,
            destination_url=settings.deliveries_url(),
            storage_options=storage.extra if storage else None,
            mailer=Mailer.at(smtp) if smtp else None,
            links_url=f"{address}/optkeeper/lists" if (address := settings.public_url()) else None,
        )
    if report.failures:
        raise DeliveryIncomplete("; ".join(report.failures))
    heartbeat.beat(report.list_date)
    return {
        "run_id": report.run_id,
        "list_date": report.list_date,
        "lists": len(report.lists),
        "rows": sum(outcome.row_count for outcome in report.lists),
        "mails_sent": report.mails_sent,
        "warnings": [
            *report.warnings,
            *([] if smtp else [f"nobody was mailed: Airflow has no connection {SMTP_CONNECTION!r}"]),
        ],
    }


@kept_private()
@rows_untold()
def candidate_run() -> tuple[str, datetime]:
    """The run and business moment of the candidate marts that stand now.

    Raises:
        LookupError: nothing was built yet.
    """
    from optkeeper.warehouse import database

    with database.connect() as connection:
        known = connection.execute("select to_regclass('candidate.builds')").fetchone()
        row = None
        if known and known[0]:
            row = connection.execute("select run_id, as_of from candidate.builds").fetchone()
    if row is None:
        raise LookupError("nothing is built yet: run `optkeeper build` first")
    return row[0], row[1]
