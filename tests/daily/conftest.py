"""A road whose builds are those of production, on policy and registries of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from optkeeper import registry_check, transform

from tests.road.road import Road, road


@contextmanager
def _copied(seeds: Path, *, folder: Path) -> Iterator[Path]:
    """The seeds for a build, always at one place, so that dbt need not parse its project anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(seeds, folder)
    registry_check.complete(folder)
    yield folder


@pytest.fixture
def travelled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    with road(monkeypatch) as made:
        monkeypatch.setattr(transform, "run", partial(transform.run, seeds=made.seeds))
        monkeypatch.setattr(transform, "_copied", partial(_copied, folder=made.work / "copied"))
        # dbt cannot run the tests of seeds outside of its project
        monkeypatch.setattr(transform, "_BUILD", ("build", "--resource-type", "model", "--resource-type", "seed"))
        policy = made.seeds / "policy" / "policy.csv"
        # so few, that a key that many carry comes to bind nobody in the middle of it all
        policy.write_text(policy.read_text().replace("max_records,*,*,200", "max_records,*,*,5"))
        yield made
