"""What the tests of the gate share: a warehouse with a sound candidate, and one way to judge it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper.gate import GateReport, run_gate

from tests.gate import world

Judge = Callable[..., GateReport]


@pytest.fixture
def sound(owner: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A warehouse with a candidate on which every statement holds, as its owner, who can spoil it."""
    world.build(owner)
    return owner


@pytest.fixture
def judge(warehouse_url: str, tmp_path: Path) -> Judge:
    """Runs the gate on the candidate, which is first made to be of the run, as the login that the steps run as."""

    def run(run_id: str = world.RUN) -> GateReport:
        with psycopg.connect(warehouse_url, autocommit=True) as connection:
            connection.execute("update candidate.builds set run_id = %s", (run_id,))
        return run_gate(warehouse_url, run_id=run_id, as_of=world.decided_for(), docs_folder=tmp_path / "docs")

    return run
