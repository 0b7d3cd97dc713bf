"""The policy numbers that a list explains itself by, as they stand in the policy file on the list's date.

Nothing is decided by them here: dbt decides, from the same file.
"""

from dataclasses import dataclass
from datetime import date

from optkeeper import registry


@dataclass(frozen=True, slots=True)
class PolicyNumber:
    """One policy value in force: the general one, and where another holds."""

    general: str
    exceptions: tuple[tuple[str, str, str], ...]  # country, channel, value


def in_force(key: str, day: date) -> PolicyNumber:
    """The value of a policy key on a day.

    Raises:
        LookupError: no general row of the key is in force on that day.
    """
    rows = {
        (row["country"], row["channel"]): row["value"]
        for row in registry.rows("policy")
        if row["key"] == key and (row["valid_from"] or "") <= day.isoformat() <= (row["valid_to"] or "9999-12-31")
    }
    general = rows.pop(("*", "*"), None)
    if general is None:
        raise LookupError(f"policy.csv has no row in force on {day} for {key} and every country and channel")
    exceptions = tuple((*scope, value) for scope, value in sorted(rows.items()) if value != general)
    return PolicyNumber(general, exceptions)
