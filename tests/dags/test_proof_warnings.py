"""R39: the mails that the hourly DAG sends while the clock of a request for proof runs."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from optkeeper.proof import requests

from tests.alerts.mailbox import listening

CHECKOUT = Path(__file__).parents[2]
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_the_hours_of_a_request_are_mailed_as_they_pass_and_once_each(
    warehouse: psycopg.Connection[Any], warehouse_url: str, tmp_path: Path
) -> None:
    number = requests.add(warehouse, "anna@x.example", received_at=MONDAY, way="letter", person="p.officer")
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(CHECKOUT / "dags" / "watch_proof_requests.py", dags)
    with listening() as (received, port):
        smtp = {
            "conn_type": "smtp", "host": "127.0.0.1", "port": port,
            "extra": {"security": "none", "from_email": "optkeeper@noord.example"},
        }  # fmt: skip
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW_CONN_OPTKEEPER_SMTP": json.dumps(smtp),
            "OPTKEEPER_HOME": str(tmp_path / "home"),
            "OPTKEEPER_WAREHOUSE_URL": warehouse_url,
        }

        def run(*command: str) -> None:
            done = subprocess.run(  # noqa: S603  # our own commands
                [sys.executable, "-m", *command],
                cwd=CHECKOUT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        run("airflow", "db", "migrate")
        hours = (35, 36, 37, 53, 54, 71, 72, 73)
        run("tests.dags.hours_of_watching", *((MONDAY + timedelta(hours=hour)).isoformat() for hour in hours))
        told = [str(mail["Subject"]) for mail in received.mails]
        source = f"request {number}"
        assert told == [
            f"Optkeeper: watch: ProofRequestAtHalfTime {source}",
            f"Optkeeper: watch: ProofRequestAtThreeQuarters {source}",
            f"Optkeeper: watch: ProofRequestBreached {source}",
        ]
        for mail in received.mails:
            assert mail["To"] == "Privacy officer <privacy@noord.example>"
            assert "anna" not in mail.as_string().lower()
        assert "owned by nobody, is to be answered by 2026-11-26 10:30." in received.mails[0].get_content()

        requests.take(warehouse, number or 0, "answered", person="p.officer", told="urn:uuid:1")
        run("tests.dags.hours_of_watching", (MONDAY + timedelta(hours=74)).isoformat())
        assert [str(mail["Subject"]) for mail in received.mails[3:]] == [
            f"Optkeeper, over: watch: ProofRequestBreached {source}"
        ]
