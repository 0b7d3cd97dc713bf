"""What a person reads who is alerted, over a real SMTP conversation and a real HTTP request."""

import json
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from optkeeper.alerts import failed, succeeded
from optkeeper.runtime.ports import free_port

from tests.alerts.mailbox import Mailbox, listening


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with listening() as (mailbox, port):
        _connect(monkeypatch, port, alerts_to="fallback@noord.example")
        yield mailbox


def _connect(monkeypatch: pytest.MonkeyPatch, port: int, **extra: str) -> None:
    details = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": port,
        "extra": {"security": "none", "from_email": "optkeeper@noord.example", **extra},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_OPTKEEPER_SMTP", json.dumps(details))


def _task(
    task_id: str = "gate", dag_id: str = "decide_and_deliver", owner: str = "privacy", **known: Any
) -> dict[str, Any]:
    answer = known.pop("answer", None)
    instance = SimpleNamespace(dag_id=dag_id, task_id=task_id, xcom_pull=lambda **_: answer, **known)
    return {
        "task_instance": instance,
        "task": SimpleNamespace(owner=owner),
        "run_id": "manual__2026-11-28T05:00:00+00:00",
    }


def _failed(problem: Exception | None, **known: Any) -> None:
    failed(_task(**known) | {"exception": problem})


def _text(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


class GateFailed(Exception):
    """Named as the gate's own."""


def test_the_owner_of_the_step_reads_what_failed_what_it_means_what_to_do_and_where(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTKEEPER_PUBLIC_URL", "https://optkeeper.example/")
    _failed(GateFailed("NobodyListedIsWithdrawn: 2 violations (contact_id c1; contact_id c2)"))
    (mail,) = mailbox.mails
    text = _text(mail)
    assert mail["To"] == "Privacy officer <privacy@noord.example>"
    assert mail["Subject"] == "Optkeeper: decide_and_deliver.gate: failed"
    assert mail["Date"] is not None
    assert "NobodyListedIsWithdrawn: 2 violations (contact_id c1; contact_id c2)" in text
    assert "What it means: The gate found the candidate to break a statement of policy." in text
    assert "What to do: Open the gate's page" in text
    run = "https://optkeeper.example/dags/decide_and_deliver/runs/manual__2026-11-28T05%3A00%3A00%2B00%3A00"
    assert f"Run:   {run}\n" in text
    assert f"Log:   {run}/tasks/gate\n" in text
    assert "Gate:  https://optkeeper.example/optkeeper/gate/index.html" in text


def test_the_owner_of_a_source_is_told_of_it_rather_than_the_steps(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTKEEPER_PUBLIC_URL", "https://optkeeper.example")
    source = {"task_id": "pull_source", "dag_id": "pull_vendor_files", "owner": "data-engineering"}
    _failed(RuntimeError("refused"), **source, rendered_map_index="leadco", map_index=1)
    (mail,) = mailbox.mails
    assert mail["To"] == "Online marketing <onlinemarketing@noord.example>"
    assert mail["Subject"] == "Optkeeper: pull_vendor_files.pull_source leadco: failed"
    assert "/tasks/pull_source/mapped/1\n" in _text(mail)
    assert "Nothing new of this source has landed." in _text(mail)


def test_a_problem_is_told_once_and_once_more_when_it_is_over(mailbox: Mailbox) -> None:
    for _ in range(3):
        _failed(RuntimeError("refused"))
    _failed(ValueError("another cause"))
    succeeded(_task())
    succeeded(_task())
    assert mailbox.subjects == [
        "Optkeeper: decide_and_deliver.gate: failed",
        "Optkeeper: decide_and_deliver.gate: failed",
        "Optkeeper, over: decide_and_deliver.gate: failed",
        "Optkeeper, over: decide_and_deliver.gate: failed",
    ]
    assert mailbox.mails[0]["References"] == mailbox.mails[2]["References"] != mailbox.mails[1]["References"]
    _failed(RuntimeError("refused"))
    assert len(mailbox.mails) == 5


def test_a_warning_goes_to_the_owner_of_its_source_and_is_over_when_it_is_no_longer_given(mailbox: Mailbox) -> None:
    stale = {"rule": "NoSourceIsStale", "source": "leadco", "text": "NoSourceIsStale: 1 violation (source leadco)"}
    succeeded(_task(answer={"checked": 61, "warnings": [stale]}))
    succeeded(_task(answer={"checked": 61, "warnings": [stale]}))
    (mail,) = mailbox.mails
    assert mail["To"] == "Online marketing <onlinemarketing@noord.example>"
    assert mail["Subject"] == "Optkeeper: gate: NoSourceIsStale leadco"
    assert "Opt-outs that it holds since then are not known here." in _text(mail)
    succeeded(_task(answer={"checked": 61, "warnings": []}))
    assert mailbox.subjects[1:] == ["Optkeeper, over: gate: NoSourceIsStale leadco"]


def test_what_has_gone_on_to_its_next_stage_is_not_told_to_be_over(mailbox: Mailbox) -> None:
    half = {"rule": "ProofRequestAtHalfTime", "source": "request 7", "text": "a"}
    breached = {"rule": "ProofRequestBreached", "source": "request 7", "text": "b", "follows": [half["rule"]]}
    for answer in ([half], [breached], [breached], []):
        succeeded(_task("watch", answer={"warnings": answer}))
    assert mailbox.subjects == [
        "Optkeeper: watch: ProofRequestAtHalfTime request 7",
        "Optkeeper: watch: ProofRequestBreached request 7",
        "Optkeeper, over: watch: ProofRequestBreached request 7",
    ]


def test_a_warning_whose_numbers_change_from_day_to_day_is_the_same_warning(mailbox: Mailbox) -> None:
    for count in (12, 13):
        text = f"brand 'noord', channel 'sms': {count} due for an invitation, but list_recipients.csv names nobody"
        succeeded(_task("deliver", answer={"warnings": [text]}))
    assert mailbox.subjects == ["Optkeeper: deliver: needs a look"]
    assert mailbox.mails[0]["To"] == "Privacy officer <privacy@noord.example>"


def test_a_late_morning_is_over_as_soon_as_a_delivery_has_succeeded(mailbox: Mailbox) -> None:
    class MorningLate(Exception):
        pass

    watch = {"task_id": "check", "dag_id": "watch_the_morning", "owner": "data-engineering"}
    _failed(MorningLate("2026-11-28 is not published"), **watch)
    succeeded(_task("publish"))
    succeeded(_task("deliver"))
    assert mailbox.subjects == [
        "Optkeeper: watch_the_morning.check: late",
        "Optkeeper, over: watch_the_morning.check: late",
    ]


def test_a_task_that_died_without_a_word_is_told_as_such(mailbox: Mailbox) -> None:
    _failed(None)
    assert "ended without a word" in mailbox.mails[0].get_content()


def test_what_nobody_owns_goes_to_the_address_of_the_connection(mailbox: Mailbox) -> None:
    _failed(RuntimeError("refused"), owner="nobody-known")
    assert mailbox.mails[0]["To"] == "fallback@noord.example"


def test_an_alert_that_reached_nobody_is_told_again_and_fails_nothing(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.answer = "451 later"
    _failed(RuntimeError("refused"))
    assert "could not be mailed" in caplog.text
    mailbox.answer = "250 OK"
    _failed(RuntimeError("refused"))
    assert len(mailbox.mails) == 1


def test_an_alert_that_nobody_is_named_for_is_logged_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _connect(monkeypatch, free_port())
    _failed(RuntimeError("refused"), owner="nobody-known")
    assert "names no alerts_to" in caplog.text


class _Hook(BaseHTTPRequestHandler):
    posted: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:  # noqa: N802  # the library's name
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_webhook_gets_the_same_beside_the_mail(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(
        "AIRFLOW_CONN_OPTKEEPER_ALERTS_WEBHOOK",
        json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{server.server_port}/hook"}),
    )
    _failed(RuntimeError("refused"))
    server.shutdown()
    (posted,) = _Hook.posted
    assert posted["text"].startswith("*Optkeeper: decide_and_deliver.gate: failed*\nRuntimeError: refused")
    assert len(mailbox.mails) == 1


def test_what_is_remembered_of_problems_names_nobody(mailbox: Mailbox, home: Path) -> None:
    _failed(RuntimeError("refused"))
    kept = (home / "alerts" / "standing.json").read_text()
    assert set(json.loads(kept)) == {"decide_and_deliver.gate"}
    assert "@" not in kept
