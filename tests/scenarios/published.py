"""A warehouse with the worked examples, its candidate marts taken as published."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from optkeeper import evaluate, transform
from optkeeper.warehouse import database, embedded

from tests.scenarios import expand

SCENARIOS = Path(__file__).parent


def publish(server: Path, name: str, work: Path, as_of: datetime, more: Iterable[Mapping[str, Any]] = ()) -> str:
    """Lands and builds the worked examples, and more events, in a new database; answers its address as the pipeline."""
    expand.write(work, sorted(SCENARIOS.glob("*.yaml")))
    with (work / "events.jsonl").open("a") as events:
        events.writelines(json.dumps(event) + "\n" for event in more)
    owner = embedded.url(name, server)
    with database.connect(owner) as connection:
        database.ensure_raw(connection)
    address = database.as_login(owner, database.PIPELINE)
    with database.connect(address) as connection:
        evaluate._land(connection, work / "events.jsonl")
    transform.build("run-1", as_of, address=address, work_folder=work)
    with database.connect(address) as connection:
        connection.execute("create schema marts")
        for (mart,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'candidate'"
        ).fetchall():
            connection.execute(f"create table marts.{mart} as table candidate.{mart}".encode())
    return address
