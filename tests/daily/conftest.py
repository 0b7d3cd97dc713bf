"""A road whose builds are those of production, on policy and registries of its own."""

from collections.abc import Iterator
from functools import partial

import pytest
from optkeeper import transform

from tests.road.road import Road, road


@pytest.fixture
def travelled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    with road(monkeypatch) as made:
        monkeypatch.setattr(transform, "run", partial(transform.run, seeds=made.seeds))
        # dbt cannot run the tests of seeds outside of its project
        monkeypatch.setattr(transform, "_BUILD", ("build", "--resource-type", "model", "--resource-type", "seed"))
        policy = made.seeds / "policy" / "policy.csv"
        # so few, that a key that many carry comes to bind nobody in the middle of it all
        policy.write_text(policy.read_text().replace("max_records,*,*,200", "max_records,*,*,5"))
        yield made
