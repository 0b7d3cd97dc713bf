"""What a dossier tells of an address that others carry too: nothing that only the record of another would tell.

A restriction by another holds for the address (R25), so that it cannot be used for this person either. That is told; by
which record, why and since when is not: a date would say that somebody did something on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

Row = dict[str, Any]
WITHHELD = "withheld"  # what ends the use of an address that others carry too, and is not this person's doing
_SCOPE = ("brand", "channel", "address", "purpose", "basis")
_MOMENTS = ("occurred_at", "effective_at", "received_at")
_ENDS = ("valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Own:
    """What is the person's own, of all that bears on the addresses."""

    keys: frozenset[str]
    restrictions: frozenset[str]
    untold: frozenset[datetime]
    intervals: list[Row]

    @classmethod
    def of(cls, events: Sequence[Row], restrictions: Iterable[str], intervals: Iterable[Row]) -> "Own":
        """Tells apart what is the person's own.

        Args:
            events: the person's records, and those that name nobody.
            restrictions: the reasons that a record gives, whoever's it is.
            intervals: the timeline, by scope and basis in the order of time.
        """
        keys, reasons = frozenset(event["event_key"] for event in events), frozenset(restrictions)
        moments = sorted({event[name] for event in events for name in _MOMENTS if event[name] is not None})
        told = [_told(row, keys, reasons) for row in intervals]
        ends = {row[end] for row in told for end in _ENDS if row["reason"] == WITHHELD}
        untold = frozenset(ends - {None, *moments})
        scopes = groupby(told, key=lambda row: tuple(row[name] for name in _SCOPE))
        return cls(keys, reasons, untold, [row for _, rows in scopes for row in _bounded(rows, moments, untold)])

    def decision(self, row: Row) -> Row:
        """A decision without what only the record of another would tell."""
        told = _told(row, self.keys, self.restrictions)
        return told | {name: None for name in ("since", "until") if told[name] in self.untold}


def _told(row: Row, keys: frozenset[str], restrictions: frozenset[str]) -> Row:
    """A decision or interval as it is told: what another's record gives is withheld."""
    told = dict(row)
    if row["because_of"] is None or row["because_of"] in keys:
        return told
    told["because_of"] = None
    if row["reason"] in restrictions:
        told |= {"reason": WITHHELD, "status": WITHHELD} | {name: None for name in ("since", "until") if name in row}
    return told


def _bounded(rows: Iterable[Row], own: Sequence[datetime], untold: frozenset[datetime]) -> list[Row]:
    """The intervals of one scope and basis, without the borders that another's record sets.

    Of an interval that loses a border `untold` names it, and `surely_from` and `surely_to` are the first and the last
    of the person's own moments in it.
    """
    told: list[Row] = []
    for row in rows:
        hidden = [end for end in _ENDS if row[end] in untold]
        left = row | dict.fromkeys(hidden) | ({"untold": hidden} if hidden else {})
        if row["reason"] != WITHHELD and hidden:
            within = [moment for moment in own if _holds(row, moment)]
            left |= {"surely_from": within[0], "surely_to": within[-1]} if within else {}
        if row["reason"] == WITHHELD and "valid_from" in hidden and told and told[-1]["reason"] == WITHHELD:
            begins = [end for end in told[-1]["untold"] if end == "valid_from"]
            told[-1] |= {"valid_to": left["valid_to"], "untold": begins + hidden[1:]}
        else:
            told.append(left)
    return told


def _holds(row: Row, moment: datetime) -> bool:
    return (row["valid_from"] is None or row["valid_from"] <= moment) and (
        row["valid_to"] is None or moment < row["valid_to"]
    )
