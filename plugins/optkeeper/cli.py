"""The command line: the same steps that the DAGs run, and the questions of `evaluate`.

Exit codes: 0 success, 1 failure with one clear line, 2 wrong usage.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optkeeper import settings
from optkeeper.private import kept_private

# these make their environment themselves: what an earlier demo was told must not bind the next
_OF_THEIR_OWN = ("demo", "down", "evaluate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    given = _parser().parse_args(arguments)
    with kept_private():
        return _run(given)


def _run(given: argparse.Namespace) -> int:
    try:
        if given.command not in _OF_THEIR_OWN:
            _load_environment()
        given.run(given)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("optkeeper: interrupted", file=sys.stderr)
        return 1
    except Exception as problem:
        if given.debug:
            problem.__suppress_context__ = False
            raise
        text = " ".join(str(problem).split()) or type(problem).__name__
        print(f"optkeeper {given.command}: {_without_values(problem, text)}", file=sys.stderr)
        return 1
    return 0


def _without_values(problem: Exception, text: str) -> str:
    """A database error quotes rows, and those hold personal data: only its kind is told."""
    import psycopg

    from optkeeper.warehouse.errors import told

    return told(problem) if isinstance(problem, psycopg.Error) else text


def _load_environment() -> None:
    """What `make demo` wrote for Airflow holds for the steps too; what is set already stands."""
    path = settings.home() / "airflow.env"
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def _print(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, default=str))


def _evaluate(given: argparse.Namespace) -> None:
    from optkeeper.evaluate import BrokenInput, broken_lines, evaluate, unread_addresses

    broken = broken_lines(given.events, given.questions)
    for line in broken:
        print(line, file=sys.stderr)
    if broken and not given.allow_broken:
        raise BrokenInput(broken)
    for line in unread_addresses(given.events):
        print(line, file=sys.stderr)
    for answer in evaluate(given.events, given.questions, given.registry, allow_broken=True):
        _print(answer)


def _pull(given: argparse.Namespace) -> None:
    from optkeeper import steps

    _print(steps.pull(given.source))


def _build(given: argparse.Namespace) -> None:
    from optkeeper import steps

    run_id = given.run_id or f"manual-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    _print({**steps.build(run_id, settings.as_of(), full=given.full), "sealed": steps.seal()})


def _compare(given: argparse.Namespace) -> None:
    from optkeeper import steps

    _print(steps.compare())


def _gate(given: argparse.Namespace) -> None:
    from optkeeper import steps

    if given.accept:
        from optkeeper.gate.ledger import accept_volume
        from optkeeper.warehouse import database

        with database.connect() as connection:
            accept_volume(connection, given.accept, given.person)
    run_id, as_of = steps.candidate_run()
    _print({**steps.gate(run_id, as_of), **steps.publish(run_id)})


def _deliver(given: argparse.Namespace) -> None:
    from optkeeper import steps

    _print(steps.deliver())


def _policy(given: argparse.Namespace) -> None:
    from optkeeper import policy_versions
    from optkeeper.warehouse import database

    with database.connect() as connection:
        for path in policy_versions.read_back(connection, given.version, given.out):
            print(path)


def _prepare(given: argparse.Namespace) -> None:
    from optkeeper.warehouse import database

    with database.connect() as connection:
        database.prepare(connection)
    logins = ", ".join((database.PIPELINE, *database.READERS))
    print(f"optkeeper: the warehouse is prepared, with the logins {logins}")
    with database.connect(settings.airflow_server_url()) as connection:
        if database.prepare_airflow(connection):
            print("optkeeper: Airflow's metadata have a database")


def _restored(given: argparse.Namespace) -> None:
    from optkeeper.warehouse import database, restored

    with database.connect() as connection:
        database.ensure_raw(connection)
        at = restored.mark(connection)
    print(
        f"optkeeper: noted as restored at {at.isoformat(timespec='seconds')}; nothing leaves before all is pulled again"
    )


def _prepare_airflow(given: argparse.Namespace) -> None:
    from optkeeper.installation import airflow

    airflow.prepare()
    print(f"optkeeper: Airflow's metadata are ready, with the roles Admin, {', '.join(airflow.roles())}")


def _tidy(given: argparse.Namespace) -> None:
    from dataclasses import asdict

    from optkeeper.installation.tidy import tidy

    _print(asdict(tidy()))


def _evidence(given: argparse.Namespace) -> None:
    from optkeeper import steps
    from optkeeper.evidence import keys

    if given.what == "key":
        print(keys.signing_key().verification.text)
    elif given.what == "restored":
        _print(steps.go_on_from_restore())
    else:
        _print(steps.check_evidence())


def _docs(given: argparse.Namespace) -> None:
    from optkeeper import steps

    print(steps.document()["page"])


def _status(given: argparse.Namespace) -> None:
    from optkeeper import status

    asked = status.Asked(
        given.address, status.Scope(given.channel, given.purpose, given.brand), given.as_of, given.known_at
    )
    for line in status.answer(asked, given.lang, as_json=given.json):
        print(line)


def _proof(given: argparse.Namespace) -> None:
    from optkeeper.evidence import keys
    from optkeeper.proof.prove import Asked, prove
    from optkeeper.warehouse import database

    asked = Asked(given.address, given.as_of, given.person, given.because)
    with database.connect() as connection:
        made = prove(connection, asked, keys.signing_key(), given.lang, given.out)
    print(made.path)
    print(_proven(made.verified))


def _proof_requests(given: argparse.Namespace) -> None:
    from optkeeper.proof import requests
    from optkeeper.warehouse import database

    with database.connect() as connection:
        if given.action == "add":
            number = requests.add(
                connection, given.address, received_at=given.received or datetime.now(UTC), way=given.way,
                person=given.person,
            )  # fmt: skip
            print(f"request {number}")
        elif given.action == "list":
            for request in requests.standing(connection, running_only=not given.all):
                print(json.dumps(_told(request), default=str))
        elif given.action == "answer":
            from optkeeper.evidence import keys
            from optkeeper.proof.answer import Answer, answer

            asked = Answer(given.number, given.as_of, given.lang, given.person)
            made = answer(connection, asked, keys.signing_key(), given.out)
            print(made.path)
            print(_proven(made.verified))
        else:
            step = {"acknowledge": "acknowledged", "assign": "assigned", "close": "closed"}[given.action]
            told = getattr(given, "to", None) or getattr(given, "outcome", None)
            requests.take(connection, given.number, step, person=given.person, told=told)
            print(f"request {given.number}: {step}")


def _told(request: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(request), "share_over": round(request.share_over(datetime.now(UTC)), 3)}


def _verify(given: argparse.Namespace) -> None:
    from optkeeper.evidence import checkpoint, keys
    from optkeeper.proof.verify import verify

    key = checkpoint.read_verification_key(given.key.read_text()) if given.key else keys.own_verification_key()
    print(_proven(verify(given.dossier.read_bytes(), key)))


def _proven(verified: Any) -> str:
    until = f", sealed until {verified.received_until:%Y-%m-%d %H:%M:%S} UTC" if verified.received_until else ""
    unsealed = f", of which {verified.unsealed} not sealed yet" if verified.unsealed else ""
    return f"verified: {verified.records} records{unsealed}, in a log of {verified.leaves} leaves{until}"


def _demo(given: argparse.Namespace) -> None:
    _the_demo().up()


def _down(given: argparse.Namespace) -> None:
    _the_demo().down()


def _the_demo() -> Any:
    try:
        from optkeeper.runtime import demo
    except ImportError:
        raise LookupError("the demo is not part of this installation: run it from a checkout") from None
    return demo


def _psql(given: argparse.Namespace) -> None:
    from optkeeper.warehouse import database, embedded

    program = str(embedded.program("psql"))
    os.execv(program, [program, database.reader_url(given.login), *(["--command", given.sql] if given.sql else [])])  # noqa: S606  # bundled


def _instant(text: str) -> datetime:
    """A moment; without an offset it is read in the business time zone, and a date alone is its last instant."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a moment is written as 2026-01-31 or 2026-01-31T10:00+01:00") from None
    if len(text) == len("2026-01-31"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999999)
    return moment if moment.tzinfo else moment.replace(tzinfo=settings.BUSINESS_TIME_ZONE)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return path


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is no file")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="optkeeper", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show where a failure comes from; may show personal data")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    evaluate = commands.add_parser("evaluate", help="answer questions about events, in a throw-away database")
    evaluate.add_argument("--events", type=_file, required=True, help="canonical events, JSON Lines")
    evaluate.add_argument("--questions", type=_file, required=True, help="questions, JSON Lines")
    evaluate.add_argument("--registry", type=_folder, help="a folder of registries instead of the project's own")
    evaluate.add_argument(
        "--allow-broken",
        action="store_true",
        help="answer although lines break their contract; of those only what restricts counts",
    )
    evaluate.set_defaults(run=_evaluate)

    prepare = commands.add_parser(
        "prepare", help="make what is missing of the warehouse's schema and logins; an external one's owner runs it"
    )
    prepare.set_defaults(run=_prepare)

    commands.add_parser(
        "restored", help="note that the warehouse was restored from a backup; its owner runs it, before anything else"
    ).set_defaults(run=_restored)
    commands.add_parser(
        "prepare-airflow", help="bring Airflow's metadata, pools and roles to this version, and make the first login"
    ).set_defaults(run=_prepare_airflow)
    commands.add_parser(
        "tidy", help="take away old logs, run records and pages of the gate (OPTKEEPER_KEEP_DAYS, else 90)"
    ).set_defaults(run=_tidy)

    evidence = commands.add_parser(
        "evidence", help="check all that was received and sealed; print the verification key; go on from a restore"
    )
    evidence.add_argument("what", choices=("check", "key", "restored"))
    evidence.set_defaults(run=_evidence)

    pull = commands.add_parser("pull", help="land what is new at one source")
    pull.add_argument("source", help="a registered source that has a connector")
    pull.set_defaults(run=_pull)

    build = commands.add_parser(
        "build", help="build the candidate marts (business date: OPTKEEPER_AS_OF, else now), and seal what has landed"
    )
    build.add_argument("--run-id", help="the run's name; made up when absent")
    build.add_argument("--full", action="store_true", help="build everything, not only what changed")
    build.set_defaults(run=_build)
    compare = commands.add_parser("compare", help="build everything anew beside what stands, and compare each row")
    compare.set_defaults(run=_compare)

    gate = commands.add_parser("gate", help="judge the candidate marts, and publish them when they pass")
    gate.add_argument("--accept", metavar="SOURCE", help="accept once that this source shrank")
    gate.add_argument("--person", default=os.environ.get("USER", "unknown"), help="who accepts it")
    gate.set_defaults(run=_gate)

    commands.add_parser("deliver", help="deliver the published lists").set_defaults(run=_deliver)
    policy = commands.add_parser("policy", help="read back the policy and registry that a build decided under")
    policy.add_argument("version", help="policy_version of a publication or build")
    policy.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files are written")
    policy.set_defaults(run=_policy)
    commands.add_parser("docs", help="describe the marts on one page (make docs)").set_defaults(run=_docs)
    status = commands.add_parser("status", help="the decisions for an address, and why")
    status.add_argument("address", metavar="ADDRESS", help="an address (a postal one as JSON), or the id of a contact")
    status.add_argument("--channel", choices=("email", "phone", "sms", "post"), help="on this channel only")
    status.add_argument("--purpose", help="for this purpose only")
    status.add_argument("--brand", help="for this sender only")
    status.add_argument("--as-of", type=_instant, metavar="T", help="at another moment than the standing build's")
    status.add_argument("--known-at", type=_instant, metavar="T", help="by what was known then; needs some seconds")
    status.add_argument("--lang", choices=("nl", "en"), default="en", help="the language of the answer")
    status.add_argument("--json", action="store_true", help="one JSON object for each decision, on a line of its own")
    status.set_defaults(run=_status)

    proof = commands.add_parser(
        "proof", help="the dossier of a person, which proves what was decided and on what (R39)"
    )
    proof.add_argument("address", metavar="ADDRESS", help="an address (a postal one as JSON), or the id of a contact")
    proof.add_argument("--as-of", type=_instant, metavar="T", help="what was decided then, beside today")
    proof.add_argument("--lang", choices=("nl", "en"), default="nl", help="the language of its sentences")
    proof.add_argument("--out", type=Path, required=True, metavar="DIR", help="where dossier.json is written")
    proof.add_argument("--because", default="a request for proof", help="why it is made; recorded")
    proof.add_argument("--person", default=os.environ.get("USER", "unknown"), help="who makes it; recorded")
    proof.set_defaults(run=_proof)
    asked = commands.add_parser("proof-requests", help="the register of requests for proof, and their clock")
    actions = asked.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="register a request")
    add.add_argument("address", metavar="ADDRESS", help="whom it asks about: an address, or the id of a contact")
    add.add_argument("--received", type=_instant, metavar="T", help="when it came; now when absent")
    add.add_argument("--way", choices=("letter", "mail", "phone", "desk"), default="letter", help="how it came")
    listed = actions.add_parser("list", help="those that run, the most urgent first, as JSON Lines")
    listed.add_argument("--all", action="store_true", help="those that were answered or closed too")
    acknowledge = actions.add_parser("acknowledge", help="note that the sender was told that it came")
    assign = actions.add_parser("assign", help="note who answers it")
    answer = actions.add_parser("answer", help="make its dossier and note that it is answered")
    answer.add_argument("--as-of", type=_instant, metavar="T", help="what was decided then, beside today")
    answer.add_argument("--lang", choices=("nl", "en"), default="nl", help="the language of the dossier")
    answer.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the dossier is written")
    close = actions.add_parser("close", help="note that it ended without a dossier")
    close.add_argument("--outcome", required=True, help="how it ended, without personal data")
    for one in (acknowledge, assign, answer, close):
        one.add_argument("number", type=int, metavar="NUMBER")
    assign.add_argument("--to", required=True, metavar="OWNER", help="who answers it")
    for one in (add, acknowledge, assign, answer, close):
        one.add_argument("--person", default=os.environ.get("USER", "unknown"), help="who does this; recorded")
    asked.set_defaults(run=_proof_requests)
    verify = commands.add_parser("verify", help="check a dossier, offline")
    verify.add_argument("dossier", type=_file, metavar="DOSSIER.json")
    verify.add_argument(
        "--key", type=_file, metavar="FILE", help="the verification key; without it the one of this installation"
    )
    verify.set_defaults(run=_verify)

    psql = commands.add_parser("psql", help="open the warehouse as a reader, in the psql of the embedded PostgreSQL")
    psql.add_argument(
        "--as",
        dest="login",
        default="privacy_officer",
        choices=("privacy_officer", "analyst", "marketing", "pipeline"),
        help="the login to open it as; without it privacy_officer, who reads everything and changes nothing",
    )
    psql.add_argument("--command", dest="sql", metavar="SQL", help="run this and leave")
    psql.set_defaults(run=_psql)
    commands.add_parser("demo", help="start everything on sample sources (make demo)").set_defaults(run=_demo)
    commands.add_parser("down", help="stop what `demo` started (make down)").set_defaults(run=_down)
    return parser


if __name__ == "__main__":
    sys.exit(main())
