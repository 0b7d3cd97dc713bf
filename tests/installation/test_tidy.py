"""Old logs and pages go, young ones stay, and the warehouse is not touched."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from optkeeper.installation import airflow, tidy

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(airflow, "run", lambda *arguments, **_: told.append(arguments))
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("OPTKEEPER_KEEP_DAYS", "30")
    return told


def _written(path: Path, days_ago: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    moment = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_logs_go_after_the_days_that_are_kept_with_the_folders_they_leave_empty(
    asked: list[tuple[str, ...]], tmp_path: Path
) -> None:
    logs = tmp_path / "airflow" / "logs"
    old = _written(logs / "dag_id=a" / "run_id=1" / "attempt=1.log", 30.1)
    young = _written(logs / "dag_id=a" / "run_id=2" / "attempt=1.log", 29.9)
    assert tidy.tidy(NOW) == tidy.Tidied(logs=1, gate_pages=0, dossiers=0)
    assert not old.parent.exists()
    assert young.exists()
    assert logs.exists()


def test_a_runs_gate_page_goes_whole_and_the_list_of_runs_stays(asked: list[tuple[str, ...]], tmp_path: Path) -> None:
    old = _written(tmp_path / "gate" / "run-1" / "index.html", 31)
    _written(tmp_path / "gate" / "run-1" / "validations" / "one.html", 31)
    young = _written(tmp_path / "gate" / "run-2" / "index.html", 1)
    index = _written(tmp_path / "gate" / "index.html", 31)
    assert tidy.tidy(NOW) == tidy.Tidied(logs=0, gate_pages=1, dossiers=0)
    assert not old.parent.exists()
    assert young.exists()
    assert index.exists()


def test_a_dossier_goes_after_the_same_days(asked: list[tuple[str, ...]], tmp_path: Path) -> None:
    old = _written(tmp_path / "dossiers" / "1" / "20261001T080000Z" / "dossier.json", 31)
    _written(old.with_name("dossier.pdf"), 31)
    young = _written(tmp_path / "dossiers" / "1" / "20261120T080000Z" / "dossier.json", 8)
    assert tidy.tidy(NOW) == tidy.Tidied(logs=0, gate_pages=0, dossiers=1)
    assert not old.parent.exists()
    assert young.exists()


def test_airflow_is_told_from_when_on_to_keep_its_records(asked: list[tuple[str, ...]]) -> None:
    tidy.tidy(NOW)
    [arguments] = asked
    assert arguments[:2] == ("db", "clean")
    assert arguments[arguments.index("--clean-before-timestamp") + 1] == "2026-10-29T03:00:00+00:00"
