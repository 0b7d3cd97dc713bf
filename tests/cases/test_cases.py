"""Shapes that real deliveries had, on the whole road: each case's questions are answered as its folder wants.

A case: `events.jsonl` (canonical), `vendor/<source>/` (files, pulled by the connector for vendors' files), `hubspot.jsonl`
and `mailchimp.jsonl` (records as the connectors land them), `registry/+X.csv` (rows added to X.csv), `questions.jsonl`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optkeeper.sources.stream import RawAddress, Received

from tests.road.road import Road, road

CASES = sorted((Path(__file__).parent / "files").iterdir())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def _questions() -> list[dict[str, Any]]:
    return [question for case in CASES for question in _lines(case / "questions.jsonl")]


def _travel(travelled: Road, case: Path) -> None:
    for connector, source in (("hubspot", "crm"), ("mailchimp", "esp")):
        for one in _lines(case / f"{connector}.jsonl"):
            spelled = tuple(RawAddress(*address) for address in one.get("addresses", ()))
            record = Received(f"{connector}.{one['object']}", one["source_id"], one["payload"], spelled)
            travelled.stream(source, [record])
    for folder in sorted((case / "vendor").glob("*")):
        travelled.files(folder.name, folder)


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled:
        for case in CASES:
            for added in sorted((case / "registry").glob("+*.csv")):
                travelled.registered(added.name.removeprefix("+"), *added.read_text().splitlines())
        travelled.events(event for case in CASES for event in _lines(case / "events.jsonl"))
        for case in CASES:
            _travel(travelled, case)
        # what a connector landed was received now: asked about after that, unless no connector has a part in it
        asked = []
        for case in CASES:
            is_landed_now = (case / "vendor").exists() or (case / "hubspot.jsonl").exists()
            for question in _lines(case / "questions.jsonl"):
                asked.append(
                    {k: v for k, v in question.items() if k != "want" and not (is_landed_now and k == "as_of")}
                )
        yield travelled.ask(asked)


@pytest.mark.parametrize("question", _questions(), ids=lambda question: question["id"])
def test_the_answer_is_the_wanted_one(question: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    got = answers[question["id"]]
    shown = {key: got[key].isoformat() if key.endswith("_on") and got[key] else got[key] for key in question["want"]}
    assert shown == question["want"]
