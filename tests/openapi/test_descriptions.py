"""The descriptions come from the pinned release and from nothing else."""

from pathlib import Path

import pytest

from tests.openapi import descriptions


def test_a_description_is_read_out_of_the_pinned_release() -> None:
    described = descriptions.description("mailchimp.com")
    assert described["info"]["title"] == "Mailchimp Marketing API"
    assert "/lists/{list_id}/members" in described["paths"]


def test_a_null_example_is_left_out() -> None:
    node = {
        "example": None,
        "properties": {"example": {"type": "string"}},
        "allOf": [{"example": None, "type": "object"}],
    }
    assert descriptions._without_null_examples(node) == {
        "properties": {"example": {"type": "string"}},
        "allOf": [{"type": "object"}],
    }


def test_an_unknown_path_is_named_in_the_error() -> None:
    with pytest.raises(descriptions.DescriptionMissing, match="no package/api/nobody.example.json"):
        descriptions.description("nobody.example")


def test_another_file_under_the_package_s_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTKEEPER_CACHE", str(tmp_path))
    folder = tmp_path / "openapi"
    folder.mkdir()
    (folder / f"{descriptions.PACKAGE}-{descriptions.VERSION}.tgz").write_bytes(b"something else")
    with pytest.raises(descriptions.DescriptionMissing, match="SHA-512"):
        descriptions.description("mailchimp.com")
