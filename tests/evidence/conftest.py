"""What the tests of evidence share: a warehouse in which something has landed, a key, and a place outside."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper.delivery.storage import Destination, opened
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.evidence.seal import Sealed, seal
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events

Connection = psycopg.Connection[Any]
Land = Callable[..., None]
Seal = Callable[[], list[Sealed]]


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generated("optkeeper-test")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Destination]:
    """A folder that stands for the deliveries' storage."""
    with opened((tmp_path / "outside").as_uri()) as destination:
        yield destination


@pytest.fixture
def land(warehouse: Connection) -> Land:
    """Lands visits of so many people, one record each, numbered from a start."""

    def some(count: int, start: int = 0) -> None:
        lines = [
            b'{"event_id": "%d", "source": "web", "type": "visit", "contact": {"email": "p%d@x.example"}}' % (n, n)
            for n in range(start, start + count)
        ]
        Landing(warehouse, "web").land(read_events(lines, "events.jsonl"))

    return some


@pytest.fixture
def sealed(warehouse: Connection, key: SigningKey, outside: Destination) -> Seal:
    """Seals what has landed, as the login that the steps run as."""
    return lambda: seal(warehouse, key, outside)
