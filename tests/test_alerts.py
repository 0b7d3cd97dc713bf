"""What a person reads who is alerted, over a real SMTP conversation."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from optkeeper.alerts import alert
from optkeeper.runtime.ports import free_port


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    mailbox, port = Mailbox(), free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    _connect(monkeypatch, port, alerts_to="privacy@noord.example")
    yield mailbox
    server.stop()


def _connect(monkeypatch: pytest.MonkeyPatch, port: int, **extra: str) -> None:
    details = {
        "conn_type": "smtp", "host": "127.0.0.1", "port": port,
        "extra": {"security": "none", "from_email": "optkeeper@noord.example", **extra},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_OPTKEEPER_SMTP", json.dumps(details))


def _failed(problem: Exception | None, **task: Any) -> dict[str, Any]:
    instance = SimpleNamespace(dag_id="decide_and_deliver", task_id="gate", **task)
    return {"task_instance": instance, "run_id": "manual-1", "exception": problem}


def test_an_alert_tells_rule_count_and_ids_to_who_must_know(mailbox: Mailbox) -> None:
    alert(_failed(RuntimeError("NobodyListedIsWithdrawn: 2 violations (contact_id c1; contact_id c2)")))
    (mail,) = mailbox.mails
    assert mail["To"] == "privacy@noord.example"
    assert mail["Subject"] == "Optkeeper: decide_and_deliver.gate failed"
    assert mail["Date"] is not None
    assert "NobodyListedIsWithdrawn: 2 violations (contact_id c1; contact_id c2)" in mail.get_content()
    assert "run manual-1" in mail.get_content()


def test_the_alert_of_a_mapped_task_names_its_source(mailbox: Mailbox) -> None:
    alert(_failed(RuntimeError("refused"), rendered_map_index="leadco"))
    assert mailbox.mails[0]["Subject"] == "Optkeeper: decide_and_deliver.gate leadco failed"


def test_a_task_that_died_without_a_word_is_told_as_such(mailbox: Mailbox) -> None:
    alert(_failed(None))
    assert "ended without a word" in mailbox.mails[0].get_content()


def test_an_alert_that_nobody_is_named_for_is_logged_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _connect(monkeypatch, free_port())
    alert(_failed(RuntimeError("refused")))
    assert "names no alerts_to" in caplog.text


def test_an_alert_that_cannot_be_mailed_is_logged_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _connect(monkeypatch, free_port(), alerts_to="privacy@noord.example")
    alert(_failed(RuntimeError("refused")))
    assert "could not be mailed" in caplog.text
