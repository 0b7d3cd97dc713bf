"""What can be wrong, whom it concerns, and what it means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from optkeeper import registry

_NUMBERS = re.compile(r"\d+")


class Meaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cause means for whoever reads the marts and lists, and what its owner does about it."""

    means: str
    do: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now. The same `cause` is the same problem, however often it is met.

    `follows` are causes that it is the next stage of: those are not over, and are told no more.
    """

    cause: str
    owner: str
    title: str
    text: str
    meaning: Meaning
    is_warning: bool
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """Who is told: a row of `owners.csv`."""

    owner: str
    name: str
    email: str


def meaning(*names: str) -> Meaning:
    """What the first of several names means that is known."""
    known = _meanings()
    return next(known[name] for name in (*names, "failed") if name in known)


def owner(name: str) -> Owner | None:
    """An owner by the name that registers and DAGs use, or None where `owners.csv` does not hold it."""
    rows = (row for row in registry.rows("owners") if row["owner"] == name)
    return next((Owner(row["owner"], row["name"], row["email"]) for row in rows), None)


def owner_of_source(source: str, otherwise: str) -> str:
    """Who owns a source, or another where the registry names no such source."""
    return next((one.owner for one in registry.pulled_sources() if one.source == source), otherwise)


def warnings(told: object, *, step: str, step_owner: str) -> list[Problem]:
    """The warnings in a step's answer, as problems.

    A warning is a text, or a mapping with `rule`, `source` (either may lack), `text` and, where it is a later stage of
    other rules' warnings of the same source, `follows`. Numbers change from day to day while the cause stays.
    """
    problems = []
    for one in told.get("warnings", ()) if isinstance(told, Mapping) else ():
        said: Mapping[str, Any] = one if isinstance(one, Mapping) else {"text": one}
        rule, source, text = said.get("rule") or "", said.get("source") or "", str(said["text"])
        named = " ".join(filter(None, (rule, source)))
        problems.append(
            Problem(
                cause=f"warning: {named or _NUMBERS.sub('#', text)}",
                owner=owner_of_source(source, step_owner) if source else step_owner,
                title=f"{step}: {named or 'needs a look'}",
                text=text,
                meaning=meaning(rule, step, "warned"),
                is_warning=True,
                follows=tuple(f"warning: {earlier} {source}" for earlier in said.get("follows", ())),
            )
        )
    return problems


@cache
def _meanings() -> Mapping[str, Meaning]:
    text = (files("optkeeper.alerts") / "meanings.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Meaning])
