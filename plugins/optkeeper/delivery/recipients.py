"""Who receives which list: the registry `list_recipients.csv`."""

import hashlib
import re
from dataclasses import dataclass, field

from optkeeper import registry
from optkeeper.delivery.wording import WORDINGS

LIST = "renewal_due"
# Both become folders and file names below the destination, on any storage.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CHANNEL = re.compile("email|phone|sms|post")
_EMAIL = re.compile(r"[^\s@<>\",;:\x00-\x1f]+@[^\s@<>\",;:\x00-\x1f]+")


class RecipientError(ValueError):
    """A row of the registry cannot be used; the text names the row and the field, never the address."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The owner of the list of one brand and channel."""

    brand: str
    channel: str
    name: str
    email: str = field(repr=False)
    language: str
    attach: bool

    @property
    def digest(self) -> str:
        """What stands for the address where addresses do not belong."""
        return hashlib.sha256(self.email.casefold().encode()).hexdigest()


def recipients() -> list[Recipient]:
    """The owners of the renewal-due lists, one per brand and channel, in a stable order.

    Raises:
        RecipientError: a row cannot be used.
    """
    found: dict[tuple[str, str], Recipient] = {}
    languages: dict[str, str] = {}
    for line, row in enumerate(registry.rows("list_recipients"), start=2):
        if row["list"] != LIST:
            continue
        where = f"list_recipients.csv line {line}"
        for column, pattern in (("brand", _NAME), ("channel", _CHANNEL), ("email", _EMAIL)):
            if not pattern.fullmatch(row[column] or ""):
                raise RecipientError(f"{where}: {column} cannot be used")
        if not (row["name"] or "").isprintable():
            raise RecipientError(f"{where}: name cannot be used")
        if row["language"] not in WORDINGS:
            raise RecipientError(f"{where}: language must be one of {', '.join(WORDINGS)}, not {row['language']!r}")
        if row["attach"] not in ("true", "false"):
            raise RecipientError(f"{where}: attach must be true or false, not {row['attach']!r}")
        spoken = languages.setdefault(row["email"].casefold(), row["language"])
        if spoken != row["language"]:
            raise RecipientError(f"{where}: language must be {spoken}, as in this recipient's other lists")
        key = row["brand"], row["channel"]
        if key in found:
            raise RecipientError(f"{where}: brand {key[0]} and channel {key[1]} have a recipient already")
        found[key] = Recipient(*key, row["name"], row["email"], row["language"], row["attach"] == "true")
    return [found[key] for key in sorted(found)]
