"""Notices that HubSpot deleted a contact for its privacy are read from a folder, and none is lost."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from optkeeper.sources.hubspot_notices import PRIVACY_DELETIONS, privacy_deletions
from optkeeper.sources.stream import Broken, ConnectionDetails, Received, StreamItem

NOTICE = {"eventId": 1, "subscriptionType": "contact.privacyDeletion", "objectId": 101, "occurredAt": 1772265600000}


class Ledger:
    """Knows the files that it is told of."""

    def __init__(self) -> None:
        self.files: set[bytes] = set()

    def cursor(self, stream: str) -> Mapping[str, Any] | None:
        return None

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        return digest in self.files


def read(folder: Path, ledger: Ledger | None = None) -> list[StreamItem]:
    extra = {"privacy_deletions_url": folder.resolve().as_uri()}
    return list(privacy_deletions("crm", ConnectionDetails(extra=extra), ledger or Ledger()))


def received(items: list[StreamItem]) -> list[str]:
    return [item.source_id for item in items if isinstance(item, Received)]


def broken(items: list[StreamItem]) -> list[tuple[str, str | None, list[str]]]:
    return [
        (item.reason, item.field, [one.source_id for one in item.remains]) for item in items if isinstance(item, Broken)
    ]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(NOTICE),
        json.dumps([NOTICE], indent=2),
        json.dumps(NOTICE) + "\n",
        "\ufeff" + json.dumps([NOTICE]) + "\n\n",
        json.dumps({**NOTICE, "subscriptionType": "object.privacyDeletion", "objectTypeId": "0-1"}),
        json.dumps({**NOTICE, "objectId": "101"}),
    ],
)
def test_a_notice_is_read_in_every_shape(content: str, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(content)
    assert received(read(tmp_path)) == ["101/1772265600000"]


def test_notices_of_several_lines_are_all_read(tmp_path: Path) -> None:
    lines = [json.dumps(NOTICE), json.dumps([{**NOTICE, "objectId": 102}, {**NOTICE, "objectId": 103}])]
    (tmp_path / "bodies.jsonl").write_text("\n".join(lines))
    assert [one.partition("/")[0] for one in received(read(tmp_path))] == ["101", "102", "103"]


@pytest.mark.parametrize(
    ("notice", "field"),
    [
        ({**NOTICE, "subscriptionType": "contact.creation"}, "subscriptionType"),
        ({**NOTICE, "subscriptionType": "company.privacyDeletion"}, "subscriptionType"),
        ({**NOTICE, "subscriptionType": "object.privacyDeletion", "objectTypeId": "0-2"}, "subscriptionType"),
        ({**NOTICE, "objectId": None}, "objectId"),
        ("a text", None),
    ],
)
def test_what_is_no_such_notice_is_quarantined(notice: Any, field: str | None, tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps([notice, NOTICE]))
    items = read(tmp_path)
    assert broken(items) == [("malformed_record", field, [])]
    assert received(items) == ["101/1772265600000"]


def test_a_broken_line_still_names_who_was_deleted(tmp_path: Path) -> None:
    (tmp_path / "bodies.jsonl").write_text(json.dumps(NOTICE)[:-1] + "\n" + json.dumps({**NOTICE, "objectId": 102}))
    items = read(tmp_path)
    assert broken(items) == [("malformed_json", None, ["101/broken"])]
    assert received(items) == ["102/1772265600000"]


def test_a_repeated_contact_is_each_of_both(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(
        json.dumps(NOTICE).replace('"objectId": 101', '"objectId": 101, "objectId": 102')
    )
    (found,) = [item for item in read(tmp_path) if isinstance(item, Broken)]
    assert {one.payload["objectId"] for one in found.remains} == {101, 102}
    assert found.object == PRIVACY_DELETIONS


def test_a_file_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(json.dumps(NOTICE))
    (tmp_path / "readme.txt").write_text("no notice")
    ledger = Ledger()
    first = read(tmp_path, ledger)
    ledger.files |= {item.digest for item in first if hasattr(item, "digest")}
    again = read(tmp_path, ledger)
    assert received(first) == ["101/1772265600000"]
    assert received(again) == []
    assert broken(again) == [("unregistered_file", None, [])]


def test_an_account_without_a_folder_has_no_notices() -> None:
    assert list(privacy_deletions("crm", ConnectionDetails(), Ledger())) == []
