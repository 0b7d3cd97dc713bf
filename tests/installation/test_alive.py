"""A part of Airflow is at work when the API server has its heartbeat, or the worker answers through the queue."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from optkeeper.installation import alive


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {
            "scheduler": {"status": "healthy"},
            "triggerer": {"status": "unhealthy"},
            "dag_processor": {"status": None},
        }
        self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Says nothing."""


@pytest.fixture
def api_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/execution/"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", address)
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("part", "code"), [("scheduler", 0), ("triggerer", 1), ("dag_processor", 1)])
def test_a_part_is_at_work_when_its_heart_beats(api_server: str, part: str, code: int) -> None:
    assert alive.main(part) == code


def test_a_worker_that_nobody_has_started_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "_SECONDS", 0.2)
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL_CMD", f"{sys.executable} -c \"print('memory://', end='')\"")
    assert alive.main("worker") == 1


def test_to_ask_loads_nothing_of_airflow(api_server: str) -> None:
    """Six containers ask twice a minute: what Airflow's own check costs would be a core."""
    look = (
        "import sys; from optkeeper.installation.alive import main; main('scheduler');"
        " sys.exit(any(name.split('.')[0] in ('airflow', 'sqlalchemy') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0
