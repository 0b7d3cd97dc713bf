import sys
from types import ModuleType

import pytest
from optkeeper import settings
from optkeeper.gate import evaluate

import expectations


def test_the_statements_are_found_wherever_the_process_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [statement.__name__ for statement in expectations.statements()]
    loaded = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "expectations"}
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(settings.CHECKOUT))])
    for name in loaded:
        del sys.modules[name]
    try:
        found = [statement.__name__ for statement in evaluate.statements()]
    finally:
        sys.modules.update(loaded)
    assert found == names


def test_another_package_of_the_same_name_is_never_taken_for_the_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ModuleType("expectations")
    foreign.__file__ = "/somewhere/expectations/__init__.py"
    monkeypatch.setitem(sys.modules, "expectations", foreign)
    with pytest.raises(ImportError, match="another package named 'expectations'"):
        evaluate.statements()


def test_every_query_can_be_given_a_batch_by_the_library() -> None:
    for statement in expectations.statements():
        query = statement.__fields__["unexpected_rows_query"].default
        assert " join " in query, f"{statement.__name__}: a batch gets a second alias in a query without a join"
        assert "{batch} as " in query, statement.__name__
        assert "::" not in query, f"{statement.__name__}: cast(), as a colon may begin a parameter"
