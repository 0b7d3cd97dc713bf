"""Each rule has a place, each place a rule, and the page says where they are."""

import pytest
from optkeeper import rules_page

RULES = {rule.number: rule for rule in rules_page.rules()}
DECIDED = [rule for rule in RULES.values() if rule.is_decided]


def test_every_rule_of_the_domain_stands_on_the_page() -> None:
    assert list(RULES) == [f"R{number}" for number in range(1, 43)]


def test_what_is_not_decided_yet_is_said_to_be_so() -> None:
    assert [rule.number for rule in RULES.values() if not rule.is_decided] == ["R37"]


@pytest.mark.parametrize("rule", DECIDED, ids=lambda rule: rule.number)
def test_a_decided_rule_has_a_model_and_a_test(rule: rules_page.Rule) -> None:
    assert rule.models
    assert rule.tests


@pytest.mark.parametrize(
    "model",
    # what reads, and what says whom a build is about, decides nothing
    [name for name in rules_page.rules_of_models() if not name.startswith(("staging/", "worlds/", "daily/"))],
)
def test_a_model_that_decides_names_its_rules(model: str) -> None:
    of_a_platform = model.startswith(("events/hubspot/", "events/mailchimp/"))
    tells_of_the_build = model in (
        "marts/builds", "marts/source_freshness", "marts/vanished_contacts", "policy/policy_countries",
        "policy/policy_periods", "decisions/decision_moments", "decisions/answers", "marts/reach_daily",
    ) or model.startswith("marts/dimensions/")  # fmt: skip
    assert rules_page.rules_of_models()[model] or of_a_platform or tells_of_the_build


@pytest.mark.parametrize(
    "places", [rules_page.rules_of_models, rules_page.rules_of_tests, rules_page.rules_of_statements]
)
def test_no_place_names_a_rule_that_is_none(places: object) -> None:
    assert callable(places)
    assert {number for numbers in places().values() for number in numbers} <= set(RULES)


def test_the_statements_are_those_that_the_gate_evaluates() -> None:
    from expectations import statements

    stated = {statement.__name__: statement.rules for statement in statements() if statement.rules}
    assert rules_page.rules_of_statements() == stated


def test_the_page_is_the_one_that_the_models_make() -> None:
    made = "".join(f"{line}\n" for line in rules_page.page())
    assert (rules_page.ROOT / "docs" / "rules.md").read_text() == made, "run `make rules`"
