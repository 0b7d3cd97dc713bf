"""HubSpot's notices that a contact was deleted under the AVG (`contact.privacyDeletion`), from a feed folder.

HubSpot tells of such a deletion by webhook alone: the contact itself is gone, live and archived. Whoever receives the
webhook puts its body into a folder, SFTP server or bucket (`extra.privacy_deletions_url`) as one `*.json` or `*.jsonl`
file: a list of notices, one notice, or one of either a line.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from optkeeper.landing import document
from optkeeper.sources import repeated_keys
from optkeeper.sources.files.storage import RemoteFile, described, is_safe, open_location, opened_if_new
from optkeeper.sources.hubspot_records import broken, is_id
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    FileLeft,
    FileOpened,
    FileTaken,
    Ledger,
    Received,
    StreamItem,
)

PRIVACY_DELETIONS = "hubspot.privacy_deletions"
LARGEST_FILE = 64 * 1024**2
_SUFFIXES = (".json", ".jsonl")
_OBJECT_ID = re.compile(rb'"objectId"\s*:\s*"?([0-9]{1,19})(?![0-9])')
_CONTACTS = ("0-1", "contact", "contacts")  # HubSpot's object type of a contact, in its spellings


def privacy_deletions(source: str, connection: ConnectionDetails, ledger: Ledger) -> Iterator[StreamItem]:
    """The notices of every file that the ledger does not know; nothing where no folder is registered."""
    url = connection.extra.get("privacy_deletions_url")
    if not url:
        return
    folder = replace(connection, extra={**connection.extra, "url": url})
    with open_location(folder, source) as location:
        for file in location.list():
            refused = _refused(file)
            if refused is not None:
                yield refused
                continue
            with opened_if_new(location, file, ledger) as new:
                if new is None:
                    continue
                spool, digest = new
                yield FileOpened(digest)
                if file.size > LARGEST_FILE:
                    yield _of_file(file, "file_too_large", f"The file is larger than {LARGEST_FILE} bytes.")
                    yield FileLeft()
                    continue
                yield from _notices(spool, file.name)
                yield FileTaken(digest, file.name, file.size, file.name, file.modified_at)


def _refused(file: RemoteFile) -> Broken | None:
    if not is_safe(file.name):
        return _of_file(file, "unsafe_file_name", "The file's name leads elsewhere or holds what no name should hold.")
    if not file.name.lower().endswith(_SUFFIXES):
        return _of_file(file, "unregistered_file", f"Notices come in files that end in {', '.join(_SUFFIXES)}.")
    return None


def _of_file(file: RemoteFile, reason: str, detail: str) -> Broken:
    return Broken(PRIVACY_DELETIONS, ascii(file.name), reason, f"{detail} It is not opened.", described(file))


def _notices(spool: IO[bytes], name: str) -> Iterator[Received | Broken]:
    content = spool.read()
    try:
        found = [("", document.decode_repeating(content))]
    except document.MalformedDocument:
        found = []
    if not found:
        for number, line in enumerate(content.splitlines(), start=1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not text:
                continue
            try:
                found.append((f":{number}", document.decode_repeating(text)))
            except document.MalformedDocument:
                detail = "The line is not a whole JSON document in UTF-8."
                yield Broken(
                    PRIVACY_DELETIONS, f"{name}:{number}", "malformed_json", detail, line, remains=_readable(text)
                )
    for place, told in found:
        for number, notice in enumerate(told if isinstance(told, list) else [told], start=1):
            where = f"{name}{place}, notice {number}"
            yield from repeated_keys.read(PRIVACY_DELETIONS, where, notice, _notice)


def _readable(text: bytes) -> tuple[Received, ...]:
    """The contacts that a broken notice names all the same: who was deleted stays so (R27)."""
    if b"privacydeletion" not in text.lower():
        return ()
    return tuple(
        Received(PRIVACY_DELETIONS, f"{found.decode()}/broken", {"objectId": int(found)})
        for found in dict.fromkeys(_OBJECT_ID.findall(text))
    )


def _notice(position: str, notice: Any) -> Received | Broken:
    if not isinstance(notice, dict):
        return broken(PRIVACY_DELETIONS, position, "the notice is no JSON object", notice)
    kind, _, what = str(notice.get("subscriptionType") or "").partition(".")
    is_of_contact = kind.casefold() == "contact" or (
        kind.casefold() == "object" and str(notice.get("objectTypeId")).casefold() in _CONTACTS
    )
    if what.casefold() != "privacydeletion" or not is_of_contact:
        detail = "the notice is not that a contact was deleted for its privacy"
        return broken(PRIVACY_DELETIONS, position, detail, notice, "subscriptionType")
    if not is_id(notice.get("objectId")):
        return broken(PRIVACY_DELETIONS, position, "the notice names no contact", notice, "objectId")
    return Received(PRIVACY_DELETIONS, f"{notice['objectId']}/{notice.get('occurredAt') or 'undated'}", notice)
