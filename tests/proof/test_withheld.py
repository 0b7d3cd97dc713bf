"""R25, R39: of what another did on a shared address a dossier tells that it holds, and not when."""

from datetime import UTC, datetime
from typing import Any

from optkeeper.proof.withheld import WITHHELD, Own

GIVEN, OTHERS, REGRANTED, CLICKED, MINE = (datetime(2025, month, 1, tzinfo=UTC) for month in (1, 3, 5, 2, 7))
SCOPE = {"brand": "noord", "channel": "email", "address": "a@x.example", "purpose": "newsletter", "basis": "consent"}


def interval(since: datetime | None, until: datetime | None, reason: str = "ok", because: str | None = None) -> Any:
    status = "ConsentGiven" if reason == "ok" else "ConsentWithdrawn"
    return SCOPE | {
        "valid_from": since, "valid_to": until, "reason": reason, "status": status, "because_of": because,
    }  # fmt: skip


def event(key: str, at: datetime) -> Any:
    return {"event_key": key, "occurred_at": at, "effective_at": at, "received_at": at}


def own(*intervals: Any) -> Own:
    return Own.of([event("mine", GIVEN), event("click", CLICKED), event("out", MINE)], {"withdrawn"}, intervals)


def test_an_interval_that_another_ends_keeps_its_beginning_and_is_told_up_to_the_last_own_moment() -> None:
    first, second = own(interval(GIVEN, OTHERS), interval(OTHERS, None, "withdrawn", "theirs")).intervals
    assert (first["valid_from"], first["valid_to"], first["untold"]) == (GIVEN, None, ["valid_to"])
    assert (first["surely_from"], first["surely_to"]) == (GIVEN, CLICKED)
    assert (second["reason"], second["status"], second["because_of"]) == (WITHHELD, WITHHELD, None)
    assert (second["valid_from"], second["valid_to"], second["untold"]) == (None, None, ["valid_from"])


def test_what_several_records_of_others_withhold_is_one_interval() -> None:
    told = own(
        interval(GIVEN, OTHERS),
        interval(OTHERS, REGRANTED, "withdrawn", "theirs"),
        interval(REGRANTED, MINE, "withdrawn", "theirs-again"),
        interval(MINE, None, "withdrawn", "out"),
    ).intervals
    assert [(one["reason"], one["valid_from"], one["valid_to"]) for one in told] == [
        ("ok", GIVEN, None), (WITHHELD, None, MINE), ("withdrawn", MINE, None),
    ]  # fmt: skip
    assert told[1]["untold"] == ["valid_from"]


def test_a_decision_since_a_moment_that_is_not_told_does_not_tell_it_either() -> None:
    known = own(interval(OTHERS, REGRANTED, "withdrawn", "theirs"), interval(REGRANTED, None))
    decided = {"reason": "ok", "status": "ConsentGiven", "because_of": None, "since": REGRANTED, "until": MINE}
    assert known.decision(decided) == decided | {"since": None}
    theirs = {"reason": "withdrawn", "status": "ConsentWithdrawn", "because_of": "theirs", "since": MINE, "until": None}
    assert known.decision(theirs) == dict.fromkeys(theirs) | {"reason": WITHHELD, "status": WITHHELD}


def test_what_is_the_persons_own_is_told_as_it_is() -> None:
    given = [interval(GIVEN, MINE), interval(MINE, None, "withdrawn", "out")]
    assert own(*given).intervals == given
