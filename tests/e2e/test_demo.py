"""The two commands as a newcomer types them: in a fresh copy, beside a busy port, killed midway, again, and down."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import openpyxl
import psutil
import psycopg
import pytest

CHECKOUT = Path(__file__).parents[2]
DAGS = ("pull_crm", "pull_email_platform", "pull_vendor_files", "pull_canonical_feed", "decide_and_deliver")


def _environment() -> dict[str, str]:
    ours = ("OPTKEEPER_", "AIRFLOW", "DBT_", "VIRTUAL_ENV", "UV_PROJECT")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _make(copy: Path, target: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", target], cwd=copy, env=_environment(), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _finished(copy: Path, target: str) -> str:
    process = _make(copy, target)
    output, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, output
    return output


def _left(copy: Path) -> list[str]:
    """What still runs of a copy: whoever names it on its command line or works in it."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(copy) in part for part in process.cmdline()) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline())[:120])
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, folder / name)
    yield folder
    _finished(folder, "down")


def test_the_demo_survives_a_busy_port_and_kills_and_sends_nothing_twice(copy: Path) -> None:
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", 8080))
            holder.listen()
        except OSError:
            pass  # another program holds it already, which serves as well
        killed = _make(copy, "demo")
        assert killed.stdout is not None
        said = ""
        for line in killed.stdout:
            said += line
            if "pulling all sources" in line:
                break
        assert "port 8080 is held by another program" in said, said
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        first = _finished(copy, "demo")

    home = copy / ".optkeeper"
    mails = sorted((home / "mailbox").glob("*.eml"))
    lists = sorted((home / "deliveries").rglob("*.xlsx"))
    assert (len(lists), len(mails)) == (8, 5)  # one mail for all the lists of a recipient
    assert all("Optkeeper" in str(message_from_bytes(mail.read_bytes())["From"]) for mail in mails)

    due = invited = 0
    for path in lists:
        sheet = openpyxl.load_workbook(path).worksheets[1]
        assert sheet.freeze_panes
        assert sheet.auto_filter.ref
        purposes = [row[4] for row in sheet.iter_rows(min_row=2, values_only=True) if row[3]]
        invited += len(purposes)
        due += sum(len(str(covered).split(", ")) for covered in purposes)
    assert 0 < invited < due
    said_due, said_waiting, said_invited = (
        int(number.replace(",", ""))
        for what in ("due for renewal today", "of which wait", "invited to renew")
        for number in re.findall(rf"([\d,]+)  {what}", first)
    )
    assert (said_due - said_waiting, said_invited) == (due, invited)

    with psycopg.connect(f"postgresql://postgres@/warehouse?host={home / 'postgres'}") as connection:
        landed = dict(connection.execute("select source, count(*) from raw.records group by source").fetchall())
        assert set(landed) == {"crm", "esp", "leadco", "listhouse", "web"}
        assert connection.execute("select count(*) from marts.renewal_due").fetchone() == (said_due,)
        broken = connection.execute("select reason from raw.quarantine where source = 'web'").fetchall()
        assert broken == [("malformed_json",)]

    address = re.search(r"http://localhost:\d+", first)
    password = re.search(r"password (\S+)", first)
    assert address is not None
    assert password is not None
    with httpx.Client(base_url=address[0]) as client:
        token = client.post("/auth/token", json={"username": "admin", "password": password[1]}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for dag_id in DAGS:
            runs = client.get(f"/api/v2/dags/{dag_id}/dagRuns", params={"order_by": "-run_after"}).json()["dag_runs"]
            assert runs[0]["state"] == "success", dag_id
        assert client.get("/api/v2/importErrors").json()["total_entries"] == 0
        assert "Published and delivered." in client.get("/optkeeper/today").text
        assert client.get("/optkeeper/heartbeat").json()["late"] is False
        letters = (message_from_bytes(mail.read_bytes(), policy=policy.default) for mail in mails)
        letter = next(letter for letter in letters if "emailmarketing@" in str(letter["To"]))
        body = letter.get_body(("plain",))
        assert body is not None
        text = str(body.get_content())
        link = re.search(r"Open de lijst: (\S+)", text)
        assert link is not None
        assert (
            client.get(link[1]).content == next(path for path in lists if path.match("noord/email.xlsx")).read_bytes()
        )
        del client.headers["Authorization"]
        client.cookies.clear()
        assert "/auth/login?next=" in client.get(link[1]).headers["location"]

    written = {path: path.stat().st_mtime_ns for path in [*mails, *lists]}
    for name in ("scheduler", "sample-sources"):
        victim = re.search(r'"pid": (\d+)', (home / "run" / f"{name}.pid").read_text())
        assert victim is not None
        os.kill(int(victim[1]), signal.SIGKILL)
    os.kill(int((home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    _finished(copy, "demo")
    assert {path: path.stat().st_mtime_ns for path in [*mails, *lists]} == written
    assert sorted((home / "mailbox").glob("*.eml")) == mails
    with psycopg.connect(f"postgresql://postgres@/warehouse?host={home / 'postgres'}") as connection:
        again = dict(connection.execute("select source, count(*) from raw.records group by source").fetchall())
    assert again == landed

    assert "stopped" in _finished(copy, "down")
    assert _left(copy) == []
    assert "nothing was running" in _finished(copy, "down")
