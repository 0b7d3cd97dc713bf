"""A list's row as people read it: their columns in their order, codes in words, addresses as written.

What programs match by (the contact's number, the evidence) stands behind what people act on.
"""

from datetime import date

from optkeeper.delivery import why
from optkeeper.delivery.cells import readable
from optkeeper.delivery.published import SEPARATOR, Invitation
from optkeeper.delivery.wording import Wording
from optkeeper.landing.addresses import default_country

# These are printed.
ACTED_ON = (
    "first_name", "last_name", "company", "address", "purposes", "stage", "expires_on", "days_left", "asked_on",
    "why", "opt_out_line",
)  # fmt: skip
# These are not.
TRACED_BY = ("basis", "lead_channel", "evidence_id", "contact_id")
PEOPLE_COLUMNS = ACTED_ON + TRACED_BY

Value = str | int | date | None


def shown(row: Invitation, words: Wording) -> list[Value]:
    """The values of `PEOPLE_COLUMNS`."""
    said: dict[str, Value] = {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": row.company,
        "address": _address(row, words),
        "purposes": ", ".join(map(words.purpose, row.purposes.split(SEPARATOR))),
        "stage": words.stage(row.stage),
        "expires_on": row.expires_on,
        "days_left": row.days_left,
        "asked_on": row.asked_on,
        "why": why.in_words(row, words),
        "opt_out_line": words.opt_out_line(row.opt_out_line),
        "basis": ", ".join(map(words.basis, row.basis.split(SEPARATOR))),
        "lead_channel": words.lead_channel(row.lead_channel) if row.lead_channel else None,
        "evidence_id": row.evidence_id,
        "contact_id": row.contact_id,
    }
    return [said[name] for name in PEOPLE_COLUMNS]


def _address(row: Invitation, words: Wording) -> str:
    """As a letter needs it: with its country where that is not the usual one."""
    if row.channel != "post" or not row.address_written:
        return readable(row.address)
    country = row.address.partition("|")[0]
    return row.address_written if country == default_country() else f"{row.address_written}, {words.country(country)}"
