import stat
from pathlib import Path

import pytest
from optkeeper.runtime.files import write_whole


def test_a_written_file_is_whole_and_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    write_whole(path, "first")
    write_whole(path, "zweite: ß")
    assert path.read_text(encoding="utf-8") == "zweite: ß"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_stood_before_stands_when_writing_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ports.json"
    write_whole(path, "before")

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "after")
    assert path.read_text() == "before"
