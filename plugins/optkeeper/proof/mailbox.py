"""The folder into which mails that ask for proof are put: each `.eml` becomes a request about its sender's address.

A file stays where it is and is registered once, by its content. One that cannot be read is named by its number in the
folder, for its name may hold an address.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Any

import psycopg

from optkeeper.proof import requests
from optkeeper.status.subject import UnreadableSubject


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What one reading of the folder found: requests that are new, and which files could not be read."""

    added: tuple[int, ...]
    unreadable: tuple[str, ...]


def read(connection: psycopg.Connection[Any], folder: Path, *, person: str) -> Mailbox:
    """Registers what is new in a folder.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"the mailbox for requests for proof, {folder}, is no folder")
    added: list[int] = []
    unreadable: list[str] = []
    for number, path in enumerate(sorted(folder.glob("*.eml")), 1):
        octets = path.read_bytes()
        digest = hashlib.sha256(octets).digest()
        message = message_from_bytes(octets, _class=EmailMessage, policy=policy.default)
        try:
            _, sender = parseaddr(str(message["From"] or ""))
            request = requests.add(
                connection, sender, received_at=_received(message), way="mail", person=person, message_digest=digest
            )
        except UnreadableSubject:
            unreadable.append(f"file {number} of {folder.name} (SHA-256 {digest.hex()[:12]}) names no sender")
            continue
        if request is not None:
            added.append(request)
    return Mailbox(tuple(added), tuple(unreadable))


def _received(message: EmailMessage) -> datetime:
    """When it was sent, so that the clock does not wait for whoever reads the folder; now where it says no moment."""
    now = datetime.now(UTC)
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return now
    return min(sent if sent.tzinfo else sent.replace(tzinfo=UTC), now)
