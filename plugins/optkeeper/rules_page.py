"""The page of rules: for each its sentence, the models that decide it, its data, its tests and the gate's statements.

Made from the models' own `meta`, the names of unit tests, the worked examples and the statements:
`python -m optkeeper.rules_page > docs/rules.md`.
"""

import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from optkeeper import settings

ROOT = settings.DBT_PROJECT.parent
_NOT_DECIDED = "Not decided yet"
_HEAD = """# Where each rule is decided

Search for the rule's number. A model decides it, data holds its numbers, unit tests and worked examples
(`tests/scenarios`) hold its edges, and the gate's statements judge the result anew. This page is made by `make rules`
from the models' own `meta`; a test fails when a rule has no place here, or a place no rule.

| rule | in one sentence | decided in | data | unit tests and worked examples | gate |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with every place where it stands."""

    number: str
    sentence: str
    data: str
    models: tuple[str, ...] = field(default=())  # or the package, of a rule that decides nothing
    tests: tuple[str, ...] = field(default=())
    statements: tuple[str, ...] = field(default=())

    @property
    def is_decided(self) -> bool:
        """Whether the product decides it."""
        return _NOT_DECIDED not in self.sentence


def rules() -> list[Rule]:
    """Every rule that `docs/rules.csv` states, with its places."""
    places = _by_rule({**rules_of_models(), **rules_of_packages()})
    tests, statements = _by_rule(rules_of_tests()), _by_rule(rules_of_statements())
    with (ROOT / "docs" / "rules.csv").open(encoding="utf-8") as lines:
        return [
            Rule(number, row["sentence"], row["data"], places[number], tests[number], statements[number])
            for row in csv.DictReader(lines)
            if (number := row["rule"])
        ]


def rules_of_models() -> dict[str, tuple[str, ...]]:
    """The rules that each model names in its `meta`, by the model's path below the models."""
    folder = settings.DBT_PROJECT / "models"
    paths = {path.stem: str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.sql")}
    return {
        paths[model["name"]]: tuple(model.get("config", {}).get("meta", {}).get("rules", ()))
        for path in sorted(folder.rglob("*.yml"))
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", ())
    }


def rules_of_packages() -> dict[str, tuple[str, ...]]:
    """The rules that are about keeping and not about deciding: each package names those that it carries out."""
    return {
        str(path.parent.relative_to(ROOT)): tuple(re.findall(r"R\d+", path.read_text()))
        for path in sorted((ROOT / "plugins" / "optkeeper").glob("*/__init__.py"))
    }


def rules_of_tests() -> dict[str, tuple[str, ...]]:
    """The rules that each unit test has in its name, each worked example states, and a module of tests opens with."""
    found = {}
    for path in sorted((settings.DBT_PROJECT / "models").rglob("*.yml")):
        for test in (yaml.safe_load(path.read_text()) or {}).get("unit_tests", ()):
            found[test["name"]] = tuple(f"R{number}" for number in re.findall(r"(?:^|_)r(\d+)(?=_)", test["name"]))
    for path in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")):
        for scenario in yaml.safe_load(path.read_text()):
            found[f"example {scenario['id']}"] = (scenario["rule"],)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        opening = re.match(r'"""((?:R\d+(?:, | and |: ))+)', path.read_text())
        if opening:
            found[str(path.relative_to(ROOT))] = tuple(re.findall(r"R\d+", opening[1]))
    return found


def rules_of_statements() -> dict[str, tuple[str, ...]]:
    """The rules that each statement of the gate guards, read without loading what evaluates them."""
    found = {}
    for path in sorted((ROOT / "expectations").glob("*.py")):
        for body in re.split(r"^class ", path.read_text(), flags=re.M)[1:]:
            stated = re.search(r"^    rules = \(([^)]*)\)", body, re.M)
            if stated:
                found[body.split("(")[0]] = tuple(re.findall(r"R\d+", stated[1]))
    return found


def _by_rule(places: Mapping[str, tuple[str, ...]]) -> defaultdict[str, tuple[str, ...]]:
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for place, numbers in places.items():
        for number in numbers:
            found[number] += (place,)
    return found


def page() -> Iterator[str]:
    """The lines of the page."""
    yield _HEAD
    for rule in rules():
        cells = (
            rule.number,
            rule.sentence,
            ", ".join(f"`{model}`" for model in rule.models),
            rule.data,
            ", ".join(f"`{test}`" for test in rule.tests),
            ", ".join(f"`{statement}`" for statement in rule.statements),
        )
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in page())
