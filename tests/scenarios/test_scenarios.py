"""Every question of the worked examples, answered by `optkeeper evaluate` through the production models."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from optkeeper import transform
from optkeeper.evaluate import evaluate

from tests.scenarios import expand

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
# what no build of production tests: models that only an evaluation builds, and those that tell of addresses there which
# nobody carries
_OF_WORLDS = ("answers", "world_members", "int_decisions__restricted_only", "int_decisions__considered")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenarios")
    expand.write(folder, FILES)
    return folder


@pytest.fixture(scope="session")
def answers(folder: Path) -> dict[str, dict[str, object]]:
    run = transform.run

    def run_with_keys_tested(command: Sequence[str], **how: Any) -> transform.TransformCounts:
        counts = run(command, **how)
        tests = [f"{model},test_type:data" for model in _OF_WORLDS]
        assert run(["test", "--select", *tests], **how).succeeded > len(tests)
        return counts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transform, "run", run_with_keys_tested)
        answered = evaluate(folder / "events.jsonl", folder / "questions.jsonl", HERE / "registry")
        return {str(answer["id"]): answer for answer in answered}


def _questions() -> list[str]:
    scenarios = [scenario for file in FILES for scenario in expand.yaml.safe_load(file.read_text())]
    return [f"{scenario['id']}/{n}" for scenario in scenarios for n in range(1, len(scenario["ask"]) + 1)]


@pytest.mark.parametrize("question", _questions())
def test_the_answer_is_the_worked_one(question: str, folder: Path, answers: dict[str, dict[str, object]]) -> None:
    lines = (folder / "expected.jsonl").read_text().splitlines()
    expected = next(row for row in map(json.loads, lines) if row["id"] == question)
    got = {key: answers[question][key] for key in expected["expect"]}
    assert got == expected["expect"], f"[{expected['rule']}] {expected['title']}"


def test_answers_come_in_the_order_of_the_questions(folder: Path, answers: dict[str, dict[str, object]]) -> None:
    asked = [json.loads(line)["id"] for line in (folder / "questions.jsonl").read_text().splitlines()]
    assert list(answers) == asked


def test_an_answer_is_the_same_whatever_else_is_asked(
    folder: Path, answers: dict[str, dict[str, object]], tmp_path: Path
) -> None:
    some = (folder / "questions.jsonl").read_text().splitlines()[::7]
    (tmp_path / "questions.jsonl").write_text("\n".join(some) + "\n")
    among_few = list(evaluate(folder / "events.jsonl", tmp_path / "questions.jsonl", HERE / "registry"))
    assert among_few == [answers[json.loads(question)["id"]] for question in some]
