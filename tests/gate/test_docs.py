from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from optkeeper.gate import docs
from optkeeper.gate.report import GateReport, StatementResult, in_words


class _NoDocs:
    """Stands for Great Expectations, which adds the pages of each relation."""

    def add_data_docs_site(self, name: str, site: dict[str, Any]) -> None:
        (Path(site["store_backend"]["base_directory"]) / "validations").mkdir()

    def build_data_docs(self, site_names: list[str]) -> None:
        """Nothing to build."""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {
                "source": "crm",
                "object": "hubspot.contacts",
                "total": 600,
                "accepted_total": 1000,
                "max_drop_percent": 30,
            },
            "source crm, object hubspot.contacts: 600 where 1,000 were, 40% fewer; limit 30%",
        ),
        (
            {"relation": "contacts", "candidate_rows": 0, "accepted_rows": 2, "max_drop_percent": 30},
            "relation contacts: 0 where 2 were, 100% fewer; limit 30%",
        ),
        ({"contact_id": "c1", "brand": None, "days": 3}, "contact_id c1, days 3"),
        (
            {"source": "crm", "total": 5, "accepted_total": 9, "max_drop_percent": None},
            "source crm, total 5, accepted_total 9",
        ),
    ],
)
def test_a_count_that_fell_stands_beside_what_it_was_and_its_limit(row: dict[str, Any], said: str) -> None:
    assert in_words(row) == said


def test_what_stops_stands_first_on_a_page_then_what_warns(tmp_path: Path) -> None:
    results = tuple(
        StatementResult(rule, "Stated.", "marts.x", severity, violations)
        for rule, severity, violations in (
            ("Holds", "critical", 0), ("Warns", "warning", 2), ("Stops", "critical", 1), ("Broke", "critical", None),
        )
    )  # fmt: skip
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    docs.build_run(_NoDocs(), GateReport("run-1", moment, moment, results, tmp_path), tmp_path)
    page = docs.front_page(tmp_path, "run-1").read_text()
    places = [page.index(f"<strong>{rule}</strong>") for rule in ("Stops", "Broke", "Warns", "Holds")]
    assert places == sorted(places)
