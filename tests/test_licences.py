"""What the lock brings must go together with Apache-2.0: no GPL or AGPL, nothing proprietary, nothing without a licence."""

import importlib.metadata
import re
import tomllib
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
REFUSED = re.compile(r"(?<!L)(?<!Lesser )A?GPL|(?<!Lesser )General Public|Affero|Proprietary|Commercial", re.IGNORECASE)
LOCKED = sorted(
    package["name"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    if package["name"] != "optkeeper"
)


def _offered(metadata: Any) -> list[str]:
    """The licences of which one may be chosen."""
    classifiers = [
        line
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    said = metadata.get("License-Expression") or (metadata.get("License") or "").partition("\n")[0].strip()
    if metadata.get("License-Expression") or not classifiers:
        return re.split(r"\s+OR\s+", said) if said else []
    return classifiers


def _described(**fields: str) -> Message:
    described = Message()
    for name, text in fields.items():
        described[name.replace("_", "-")] = text
    return described


def test_every_package_that_is_installed_may_be_used_beside_apache() -> None:
    installed = {
        re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower(): distribution.metadata
        for distribution in importlib.metadata.distributions()
    }
    looked_at = {name: _offered(installed[name]) for name in LOCKED if name in installed}
    assert len(looked_at) > 200
    assert [name for name, offered in looked_at.items() if all(map(REFUSED.search, offered))] == []


@pytest.mark.parametrize(
    ("metadata", "is_refused"),
    [
        (_described(License_Expression="GPL-3.0-or-later"), True),
        (_described(License_Expression="AGPL-3.0-only"), True),
        (_described(License_Expression="EPL-2.0 OR GPL-2.0-or-later"), False),
        (_described(License_Expression="LGPL-3.0-only"), False),
        (_described(Classifier="License :: OSI Approved :: GNU General Public License v3 (GPLv3)"), True),
        (_described(Classifier="License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"), False),
        (_described(License="Proprietary"), True),
        (_described(Classifier="License :: Other/Proprietary License"), True),
        (_described(Name="says nothing"), True),
        (_described(License="MIT"), False),
    ],
)
def test_a_licence_is_refused_where_nothing_else_is_offered(metadata: Message, is_refused: bool) -> None:
    assert all(map(REFUSED.search, _offered(metadata))) is is_refused
