"""What stands after daily builds is what a full build makes of the same records, row for row, in every table."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import pytest
from optkeeper import transform
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events

from tests.daily.happenings import Event, days, happenings, portions
from tests.road.road import Road, road


@pytest.fixture
def travelled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    with road(monkeypatch) as made:
        monkeypatch.setattr(transform, "run", partial(transform.run, seeds=made.seeds))
        # dbt cannot run the tests of seeds outside of its project
        monkeypatch.setattr(transform, "_BUILD", ("build", "--resource-type", "model", "--resource-type", "seed"))
        policy = made.seeds / "policy" / "policy.csv"
        # so few, that a key that many carry comes to bind nobody in the middle of it all
        policy.write_text(policy.read_text().replace("max_records,*,*,200", "max_records,*,*,5"))
        yield made


def _land(road_: Road, events: Sequence[Event]) -> None:
    with road_.connected() as connection:
        for source in sorted({event["source"] for event in events}):
            lines = [json.dumps(event).encode() + b"\n" for event in events if event["source"] == source]
            Landing(connection, source).land(read_events(iter(lines), "events", source))


def _build(road_: Road, run_id: str, as_of: datetime) -> None:
    transform.build(run_id, as_of, address=road_.address, work_folder=road_.work)


@pytest.mark.parametrize("seed", [1])
def test_days_that_bring_anything_come_to_what_a_full_build_makes(
    travelled: Road, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = random.Random(seed)
    events = happenings(600, drawn)
    with caplog.at_level("INFO", logger="optkeeper"):
        for number, (portion, as_of) in enumerate(zip(portions(events, 6, drawn), days(6, drawn), strict=True)):
            _land(travelled, portion)
            _build(travelled, f"run-{number}", as_of)
    assert [record.args for record in caplog.records if record.msg.startswith("everything is built")] == [
        ("no build stands whole",)
    ]
    transform.compare(address=travelled.address, work_folder=travelled.work)
