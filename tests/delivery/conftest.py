"""An SMTP server that keeps what it receives, and published marts."""

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from optkeeper.delivery.mail import Mailer

from tests.delivery import marts


class Inbox:
    """What an SMTP server received, and what it answers to a message."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.received: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.received.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        return self.answer

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=policy.default) for _, content in self.received]  # type: ignore[misc]

    def about(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.messages if recipient in str(message["To"])]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


@pytest.fixture
def received(inbox: tuple[Inbox, int]) -> Inbox:
    return inbox[0]


@pytest.fixture
def mailer(inbox: tuple[Inbox, int]) -> Mailer:
    return Mailer("127.0.0.1", inbox[1], "lijsten@optkeeper.example", security="none")


@pytest.fixture
def published(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    marts.make(warehouse)
    return warehouse


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("OPTKEEPER_HOME", str(folder))
    return folder
