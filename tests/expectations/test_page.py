import re

from optkeeper import settings

from expectations import statements

_ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_the_page_describes_every_statement_with_its_rules_and_severity() -> None:
    rows = _ROW.findall((settings.CHECKOUT / "docs" / "gate.md").read_text())
    described = {name: (rules.strip(), severity) for name, rules, severity, _, _ in rows}
    declared = {
        statement.__name__: (", ".join(statement.rules), statement.__fields__["severity"].default.value)
        for statement in statements()
    }
    assert described == declared
    assert len(rows) == len(described)
