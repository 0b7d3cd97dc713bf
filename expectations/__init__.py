"""The statements of policy that the gate checks: one class per statement, named as the statement.

Importing this package is cheap; `statements()` imports Great Expectations, which takes seconds.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expectations.statement import PolicyStatement


def statements() -> list[type["PolicyStatement"]]:
    """Every statement that a module of this package defines, in the order of modules and of definition."""
    from expectations.statement import PolicyStatement

    found: list[type[PolicyStatement]] = []
    for module_info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(module_info.name)
        found += [
            member
            for member in vars(module).values()
            if isinstance(member, type)
            and issubclass(member, PolicyStatement)
            and member is not PolicyStatement
            and member.__module__ == module_info.name
        ]
    return found
