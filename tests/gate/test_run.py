from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optkeeper.gate import GateFailed, run_gate
from tests.gate import world

Connection = psycopg.Connection[Any]
AS_OF = datetime.fromisoformat(world.AS_OF)


@pytest.fixture
def sound(warehouse: Connection) -> Connection:
    world.build(warehouse)
    return warehouse


def test_a_sound_candidate_passes(sound: Connection, warehouse_url: str, tmp_path: Path) -> None:
    report = run_gate(warehouse_url, run_id="r1", as_of=AS_OF, docs_folder=tmp_path)
    assert report.passed
    assert report.warnings == ()
