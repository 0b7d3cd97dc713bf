"""What stands behind a policy version is kept once, and comes back as it stood."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import policy_versions, settings

Connection = psycopg.Connection[Any]


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "policy.csv").write_text("key,value\ninactivity_months,24\n", encoding="utf-8")
    monkeypatch.setattr(settings, "registry_folders", lambda: (folder,))
    return folder


def test_each_version_comes_back_as_it_stood(warehouse: Connection, policy: Path, tmp_path: Path) -> None:
    before = policy_versions.keep(warehouse)
    (policy / "policy.csv").write_text("key,value\ninactivity_months,18\n", encoding="utf-8")
    after = policy_versions.keep(warehouse)
    assert before != after == policy_versions.current()
    assert policy_versions.keep(warehouse) == after
    (read,) = policy_versions.read_back(warehouse, before, tmp_path / "back")
    assert read.read_text(encoding="utf-8") == "key,value\ninactivity_months,24\n"


def test_a_version_that_no_build_knew_is_named(warehouse: Connection, tmp_path: Path) -> None:
    with pytest.raises(policy_versions.UnknownVersion, match="policy version 0123: no build"):
        policy_versions.read_back(warehouse, "0123", tmp_path)
