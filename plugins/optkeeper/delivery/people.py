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
    """The values of `PEOPLE_COLUMNS`, in their order."""
    return [
        row.first_name,
        row.last_name,
        row.company,
        _address(row, words),
        ", ".join(map(words.purpose, row.purposes.split(SEPARATOR))),
        words.stage(row.stage),
        row.expires_on,
        row.days_left,
        row.asked_on,
        why.in_words(row, words),
        words.opt_out_line(row.opt_out_line),
        ", ".join(map(words.basis, row.basis.split(SEPARATOR))),
        words.lead_channel(row.lead_channel) if row.lead_channel else None,
        row.evidence_id,
        row.contact_id,
    ]


def _address(row: Invitation, words: Wording) -> str:
    """As a letter needs it: with its country where that is not the usual one."""
    if row.channel != "post" or not row.address_written:
        return readable(row.address)
    country = row.address.partition("|")[0]
    return row.address_written if country == default_country() else f"{row.address_written}, {words.country(country)}"
