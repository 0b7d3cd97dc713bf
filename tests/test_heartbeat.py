import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from optkeeper import heartbeat
from optkeeper.heartbeat import Heartbeat
from optkeeper.runtime.ports import free_port


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        (datetime(2026, 3, 2, 5, 59, tzinfo=UTC), False),  # 06:59 in Amsterdam
        (datetime(2026, 3, 2, 6, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 22, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 3, 3, 0, tzinfo=UTC), True),
    ],
)
def test_a_day_is_due_at_its_seven_o_clock(now: datetime, *, is_due: bool) -> None:
    assert Heartbeat(date(2026, 3, 1), now).is_due(now) is is_due


def test_without_any_heartbeat_one_is_due() -> None:
    assert heartbeat.last() == Heartbeat(None, None)
    assert heartbeat.last().is_due(datetime(2026, 3, 1, 1, tzinfo=UTC))


def test_a_heartbeat_is_kept_in_the_file_that_a_watcher_reads(home: Path) -> None:
    heartbeat.beat("2026-03-01")
    assert heartbeat.last().list_date == date(2026, 3, 1)
    assert '"list_date": "2026-03-01"' in (home / "heartbeat.json").read_text()


def test_a_watcher_outside_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    class Watcher(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # the library's name
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Watcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPTKEEPER_HEARTBEAT_URL", f"http://127.0.0.1:{server.server_port}/ping/secret")
    heartbeat.beat("2026-03-01")
    server.shutdown()
    assert called == ["/ping/secret"]


def test_a_watcher_that_does_not_answer_fails_nothing_and_its_address_stays_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPTKEEPER_HEARTBEAT_URL", f"http://127.0.0.1:{free_port()}/ping/secret")
    heartbeat.beat("2026-03-01")
    assert "did not answer" in caplog.text
    assert "secret" not in caplog.text
