"""What HubSpot's records have in common: ids, and how one that breaks the protocol is kept."""

import re
from typing import Any

from optkeeper.landing import document
from optkeeper.sources.stream import Broken, Excerpt, Received

_ID = re.compile(r"^[0-9]{1,19}\Z")


def is_id(value: Any) -> bool:
    """Whether a value is the id of a HubSpot record."""
    return _ID.match(str(value)) is not None


def broken(
    object_: str,
    position: str,
    detail: str,
    raw: Any,
    field: str | None = None,
    excerpts: tuple[Excerpt, ...] = (),
    remains: tuple[Received, ...] = (),
) -> Broken:
    """A record that breaks the protocol, as received."""
    received = document.encode(raw)
    return Broken(object_, position, "malformed_record", detail, received, field, excerpts=excerpts, remains=remains)
