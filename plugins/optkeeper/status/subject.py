"""What the command line names: an address, spelled in any way, or the id of a contact."""

import json
import re
from dataclasses import dataclass

from optkeeper.landing import addresses

_CONTACT_ID = re.compile(r"[0-9a-f]{32}")


class UnreadableSubject(ValueError):
    """What was given is no address and no contact id. The text says nothing of it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An address in its compared form with the channels that use it, or a contact's id."""

    address: str | None
    channels: tuple[str, ...]
    contact_id: str | None = None


def read(text: str) -> Subject:
    """The address or contact id in a text; a postal address is a JSON object as in `contact.postal`.

    Raises:
        UnreadableSubject: it is none.
    """
    text = text.strip()
    if _CONTACT_ID.fullmatch(text):
        return Subject(None, (), text)
    channels: tuple[str, ...]
    if text.startswith("{"):
        address, channels = _postal(text), ("post",)
    elif "@" in text:
        address, channels = addresses.email(text), ("email",)
    else:
        address, channels = addresses.phone(text), ("phone", "sms")
    if address is None:
        raise UnreadableSubject("what was given is no e-mail address, telephone number or postal address (JSON)")
    return Subject(address, channels)


def _postal(text: str) -> str | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return addresses.postal(fields) if isinstance(fields, dict) else None
