"""What all tests share: one embedded server for the session, an empty warehouse for each test that asks."""

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper.warehouse import database, embedded

_numbers = itertools.count(1)
# Files of which a single test takes minutes.
_LONG = ("tests/e2e/", "tests/daily/", "tests/bench/", "tests/road/", "tests/properties/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then those of many tests: no worker is left with a long one when the others have done all else."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (not item.nodeid.startswith(_LONG), -tests[item.path]))


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    """The folder of an embedded server that lives as long as the session."""
    # a folder of its own: pytest takes older sessions' folders away, and sets their mode, while others run
    folder = Path(tempfile.mkdtemp(prefix="opk-test-"))
    embedded.url("postgres", folder / "pg")
    yield folder / "pg"
    embedded.stop(folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def owner_url(server: Path) -> str:
    """The address of an empty database with the raw schema, as its owner, who is the server's superuser."""
    address = embedded.url(f"test_{next(_numbers)}", server)
    with database.connect(address) as connection:
        database.ensure_raw(connection)
    return address


@pytest.fixture
def warehouse_url(owner_url: str) -> str:
    """The address of an empty database with the raw schema, as the login that the steps run as."""
    return database.as_login(owner_url, database.PIPELINE)


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit to the same database, as its owner: for what only a superuser could do."""
    with database.connect(owner_url) as connection:
        yield connection


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit to an empty database with the raw schema, as the login that the steps run as."""
    with database.connect(warehouse_url) as connection:
        yield connection
