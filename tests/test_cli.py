import json
import subprocess
from pathlib import Path

import pytest
from optkeeper import cli, settings, steps

COMMANDS = ("evaluate", "pull", "build", "gate", "deliver", "status", "demo", "down", "psql")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: optkeeper" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["evaluate"], ["evaluate", "--events", "/none", "--questions", "/none"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2


def test_a_failure_ends_with_1_and_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pull", "nowhere"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "source 'nowhere' has no connector" in told


def test_a_database_error_tells_its_kind_and_never_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import psycopg

    def failing() -> None:
        raise psycopg.errors.UniqueViolation("Key (address)=(anna@noord.example) already exists.")

    monkeypatch.setattr(steps, "deliver", failing)
    assert cli.main(["deliver"]) == 1
    assert capsys.readouterr().err == "optkeeper deliver: UniqueViolation in the warehouse\n"


def test_a_question_that_cannot_be_asked_is_named_by_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, questions = tmp_path / "events.jsonl", tmp_path / "questions.jsonl"
    events.write_text("")
    asked = {"id": "q", "channel": "email", "address": "anna@noord.example", "purpose": "newsletter", "brand": "noord"}
    questions.write_text(json.dumps(asked) + "\n")
    assert cli.main(["evaluate", "--events", str(events), "--questions", str(questions)]) == 1
    assert capsys.readouterr().err == (
        "questions.jsonl:1: missing_field (as_of): The field as_of is missing.\n"
        "optkeeper evaluate: a line breaks its contract; nothing is answered (--allow-broken answers all the same)\n"
    )


def test_what_the_environment_file_says_holds_unless_it_is_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_A", "mine")
    monkeypatch.delenv("AIRFLOW_CONN_B", raising=False)
    (home / "airflow.env").write_text("AIRFLOW_CONN_A=theirs\nAIRFLOW_CONN_B=b=c\n")
    cli._load_environment()
    import os

    assert (os.environ["AIRFLOW_CONN_A"], os.environ.pop("AIRFLOW_CONN_B")) == ("mine", "b=c")


def test_a_demo_is_not_bound_by_what_an_earlier_one_was_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optkeeper.runtime import demo

    monkeypatch.delenv("OPTKEEPER_AS_OF", raising=False)
    (home / "airflow.env").write_text("OPTKEEPER_AS_OF=2024-02-29\n")
    seen = []
    monkeypatch.setattr(demo, "up", lambda: seen.append(settings.replayed()))
    assert cli.main(["demo"]) == 0
    assert seen == [None]


def _evaluated(tmp_path: Path, *lines: str, allow: bool = False) -> int:
    events, questions = tmp_path / "events.jsonl", tmp_path / "questions.jsonl"
    events.write_text("".join(f"{line}\n" for line in lines))
    asked = {
        "id": "q", "channel": "email", "address": "anna@noord.example", "purpose": "newsletter", "brand": "noord",
        "as_of": "2025-06-01T12:00:00Z",
    }  # fmt: skip
    questions.write_text(json.dumps(asked) + "\n")
    given = ["evaluate", "--events", str(events), "--questions", str(questions)]
    return cli.main([*given, *(["--allow-broken"] if allow else [])])


_CONSENT = json.dumps(
    {
        "event_id": "1", "source": "web", "type": "consent_given", "occurred_at": "2025-05-01T10:00:00Z",
        "received_at": "2025-05-01T10:00:00Z", "contact": {"email": "anna@noord.example"},
        "evidence": {"method": "form", "form_url": "https://noord.example", "text_version": "noord-news-v2"},
    }
)  # fmt: skip
_UNTYPED = json.dumps(
    {
        "event_id": "2", "source": "esp", "event_type": "consent_withdrawn", "received_at": "2025-05-02T10:00:00Z",
        "contact": {"email": "anna@noord.example"},
    }
)  # fmt: skip


def test_a_line_that_breaks_its_contract_is_named_and_nothing_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluated(tmp_path, _CONSENT, "", _UNTYPED) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "events.jsonl:3: missing_field (type): The field type is missing.\n" in told.err
    assert "anna" not in told.err


def test_allowed_broken_lines_restrict_and_are_named_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluated(tmp_path, _CONSENT, _UNTYPED, allow=True) == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert (answer["marketable"], answer["reason"]) == (False, "withdrawn")
    assert "events.jsonl:2: missing_field (type)" in told.err


def test_an_address_that_cannot_be_read_is_told_and_answered_past(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unread = _UNTYPED.replace("event_type", "type").replace("anna@noord.example", "anna at noord")
    assert _evaluated(tmp_path, _CONSENT, unread) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["marketable"] is True
    assert told.err.startswith("events.jsonl:2: unreadable_address (contact.email)")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["SQL=select 1"], 'optkeeper psql  --command "select 1"'),
        (["AS=analyst", "SQL=select 1"], 'optkeeper psql --as analyst --command "select 1"'),
        ([], "optkeeper psql"),
    ],
)
def test_make_psql_names_a_login_only_where_one_is_asked_for(given: list[str], wanted: str) -> None:
    """Make itself knows a variable AS, the assembler."""
    said = subprocess.run(
        ["make", "-n", "psql", *given], cwd=settings.CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    (command,) = (line for line in said.splitlines() if "optkeeper psql" in line)
    assert command.strip().endswith(wanted)
