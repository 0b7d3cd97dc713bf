"""R39: each request for proof has a clock from the moment it came, an owner, and an answer in the register."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import cli, steps
from optkeeper.proof import mailbox, requests
from optkeeper.status.subject import UnreadableSubject
from optkeeper.warehouse import database

Connection = psycopg.Connection[Any]
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def add(connection: Connection, received_at: datetime = MONDAY, subject: str = "Anna@X.example") -> int:
    number = requests.add(connection, subject, received_at=received_at, way="letter", person="p.officer")
    assert number is not None
    return number


@pytest.mark.parametrize(
    ("received", "until"),
    [
        ("2026-11-23T10:30:00+01:00", "2026-11-26T10:30:00+01:00"),
        ("2026-11-27T18:00:00+01:00", "2026-11-30T18:00:00+01:00"),  # over a weekend the hours go on
        ("2026-10-24T12:00:00+02:00", "2026-10-27T11:00:00+01:00"),  # as they do over the end of summer time
    ],
)
def test_the_term_is_the_hours_of_the_policy(received: str, until: str) -> None:
    assert requests.deadline(datetime.fromisoformat(received)) == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    ("received", "until"),
    [
        ("2026-11-23T10:30:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("2026-11-27T18:00:00+01:00", "2026-12-05T00:00:00+01:00"),
        ("2026-11-28T18:00:00+01:00", "2026-12-05T00:00:00+01:00"),  # on a Saturday
    ],
)
def test_where_the_hours_are_more_five_working_days_hold(
    received: str, until: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_policy_says = requests.in_force

    def generous(key: str, day: Any) -> Any:
        number = as_policy_says(key, day)
        return type(number)("1000", ()) if key == "proof_deadline_hours" else number

    monkeypatch.setattr(requests, "in_force", generous)
    assert requests.deadline(datetime.fromisoformat(received)) == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    ("hours", "rule"),
    [
        (35.9, None),
        (36, "ProofRequestAtHalfTime"),
        (53.9, "ProofRequestAtHalfTime"),
        (54, "ProofRequestAtThreeQuarters"),
        (71.9, "ProofRequestAtThreeQuarters"),
        (72, "ProofRequestBreached"),
        (500, "ProofRequestBreached"),
    ],
)
def test_a_watcher_is_told_at_half_time_at_three_quarters_and_on_breach(
    warehouse: Connection, hours: float, rule: str | None
) -> None:
    number = add(warehouse)
    told = requests.warnings(requests.standing(warehouse, running_only=True), MONDAY + timedelta(hours=hours))
    assert [one["rule"] for one in told] == ([rule] if rule else [])
    for one in told:
        assert one["source"] == f"request {number}"
        assert "owned by nobody" in one["text"]
        assert "2026-11-26 10:30" in one["text"]
        assert "anna" not in json.dumps(one).lower()


def test_a_request_that_is_answered_or_closed_warns_nobody_and_keeps_its_time(warehouse: Connection) -> None:
    answered, closed = add(warehouse), add(warehouse)
    requests.take(warehouse, answered, "assigned", person="p.officer", told="a.jansen")
    requests.take(warehouse, answered, "answered", person="a.jansen", told="urn:uuid:1")
    requests.take(warehouse, closed, "closed", person="p.officer", told="withdrawn by the sender")
    assert requests.standing(warehouse, running_only=True) == []
    [first, _] = sorted(requests.standing(warehouse, running_only=False), key=lambda one: one.request_id)
    assert (first.owner, first.answered_by) == ("a.jansen", "a.jansen")
    assert first.answered_at is not None
    assert first.answered_in == first.answered_at - MONDAY
    assert requests.warnings([first], MONDAY + timedelta(days=90)) == []


def test_a_running_request_is_a_ground_for_keeping(warehouse: Connection) -> None:
    number = add(warehouse)
    grounds = "select subject, ground, since from evidence.grounds_for_keeping"
    assert warehouse.execute(grounds).fetchall() == [("anna@x.example", f"proof request {number}", MONDAY)]
    requests.take(warehouse, number, "closed", person="p.officer", told="double")
    assert warehouse.execute(grounds).fetchall() == []


def test_the_register_is_only_added_to(warehouse: Connection, owner: Connection) -> None:
    add(warehouse)
    for connection in (warehouse, owner):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update evidence.proof_requests set deadline_at = deadline_at + interval '1 day'")


def test_a_step_of_a_request_that_is_none_is_refused(warehouse: Connection) -> None:
    with pytest.raises(requests.NoSuchRequest, match="there is no request 7"):
        requests.take(warehouse, 7, "closed", person="p.officer", told="x")


def test_what_is_no_address_makes_no_request(warehouse: Connection) -> None:
    with pytest.raises(UnreadableSubject):
        add(warehouse, subject="Anna Jansen")


MAIL = (
    b"From: Anna Jansen <Anna@X.example>\r\nTo: privacy@noord.example\r\nDate: Mon, 23 Nov 2026 10:30:00 +0100\r\n"
    b"Subject: =?utf-8?q?Bewijs_van_mijn_toestemming=3F?=\r\n\r\nWaarom mailt u mij?\r\n"
)


def test_each_mail_in_the_folder_is_one_request_about_its_sender(warehouse: Connection, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "again.eml").write_bytes(MAIL)
    (tmp_path / "undated.eml").write_bytes(
        MAIL.replace(b"Date: Mon, 23 Nov 2026 10:30:00 +0100\r\n", b"Date: soon\r\n")
    )
    (tmp_path / "future.eml").write_bytes(MAIL.replace(b"2026", b"2099"))
    (tmp_path / "anna@x.example.eml").write_bytes(b"Subject: hello\r\n\r\n\xff\xfe")
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    before = datetime.now(UTC)
    found = mailbox.read(warehouse, tmp_path, person="watch")
    assert len(found.added) == 3
    [unreadable] = found.unreadable
    assert "names no sender" in unreadable
    assert "anna" not in unreadable
    received = {request.request_id: request.received_at for request in requests.standing(warehouse, running_only=True)}
    assert received[found.added[0]] == MONDAY
    assert all(before <= received[number] <= datetime.now(UTC) for number in found.added[1:])
    assert requests.subject_of(warehouse, found.added[0]) == "anna@x.example"
    assert mailbox.read(warehouse, tmp_path, person="watch") == mailbox.Mailbox((), found.unreadable)


def test_a_mailbox_that_is_not_there_is_said_so(warehouse: Connection, tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="the mailbox for requests for proof"):
        mailbox.read(warehouse, tmp_path / "none", person="watch")


@pytest.fixture
def command(
    warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_URL", warehouse_url)

    def run(*arguments: str) -> str:
        assert cli.main(["proof-requests", *arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_the_register_is_kept_from_the_command_line(command: Callable[..., str]) -> None:
    assert command("add", "anna@x.example", "--received", "2026-11-23T10:30", "--way", "mail") == "request 1\n"
    command("acknowledge", "1")
    command("assign", "1", "--to", "a.jansen")
    [running] = map(json.loads, command("list").splitlines())
    assert (running["owner"], running["deadline_at"]) == ("a.jansen", "2026-11-26 09:30:00+00:00")
    assert running["acknowledged_at"]
    assert running["share_over"] > 0
    assert "anna" not in json.dumps(running)
    command("close", "1", "--outcome", "the sender took it back")
    assert command("list") == ""
    assert len(command("list", "--all").splitlines()) == 1


def test_the_hourly_step_reads_the_mailbox_and_warns(
    command: Callable[..., str], warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps.watch_proof_requests() == {"added": 0, "running": 0, "warnings": []}
    folder = tmp_path / "mailbox"
    folder.mkdir()
    (folder / "a.eml").write_bytes(MAIL.replace(b"23 Nov 2026", b"23 Nov 2020"))
    (folder / "b.eml").write_bytes(b"\r\n")
    monkeypatch.setenv("OPTKEEPER_PROOF_MAILBOX", str(folder))
    told = steps.watch_proof_requests()
    assert (told["added"], told["running"]) == (1, 1)
    assert [one["rule"] for one in told["warnings"]] == ["ProofRequestBreached", "ProofRequestUnreadable"]
    with database.connect(warehouse_url) as connection:
        assert len(requests.standing(connection, running_only=True)) == 1
