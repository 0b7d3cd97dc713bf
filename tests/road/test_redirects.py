"""R36: an id that was once published answers for its contact, whichever contact that has joined."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from optkeeper.warehouse import publish

from tests.road.road import Road, road


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def _record(number: int, at: str, kind: str = "contact_upserted", **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"r{number}", "source": "crm", "type": kind, "occurred_at": at, "received_at": at,
        "contact": {"source_contact_id": f"c{number}", "email": f"c{number}@noord.example"},
    } | fields  # fmt: skip


def _id(number: int) -> str:
    return hashlib.md5(f"crm/r{number}".encode(), usedforsecurity=False).hexdigest()


def _merge(kind: str, at: str) -> dict[str, Any]:
    contact = {"source_contact_id": "c2"}
    return _record(9, at, kind, event_id=f"{kind}-1", contact=contact, refers_to={"source_contact_id": "c1"})


def _published(road_: Road) -> dict[str, tuple[str, Any]]:
    """Builds and publishes contacts and redirects; the redirects by the retired id."""
    road_.build("+contact_redirects")
    with road_.connected() as connection:
        connection.execute("create schema if not exists marts")
        for mart in ("contacts", "contact_redirects"):
            connection.execute(f"drop table if exists marts.{mart}".encode())
            connection.execute(f"create table marts.{mart} as table candidate.{mart}".encode())
        publish._remember_contacts(connection)
        rows = connection.execute("select contact_id, redirects_to, since from marts.contact_redirects").fetchall()
    return {contact_id: (redirects_to, since) for contact_id, redirects_to, since in rows}


@pytest.fixture(scope="module")
def told(monkeypatch_module: pytest.MonkeyPatch) -> list[dict[str, tuple[str, Any]]]:
    with road(monkeypatch_module) as built:
        told = []
        built.events([_record(1, "2025-01-01T10:00:00Z"), _record(2, "2025-01-02T10:00:00Z")])
        told.append(_published(built))
        built.events([_merge("contacts_merged", "2025-02-01T10:00:00Z"), _record(3, "2025-01-03T10:00:00Z")])
        told.append(_published(built))
        told.append(_published(built))
        built.events([_merge("contacts_unmerged", "2025-03-01T10:00:00Z")])
        told.append(_published(built))
        return told


def test_nothing_redirects_before_contacts_join(told: list[dict[str, tuple[str, Any]]]) -> None:
    assert told[0] == {}


def test_the_younger_id_redirects_to_the_older_one(told: list[dict[str, tuple[str, Any]]]) -> None:
    assert {retired: target for retired, (target, _) in told[1].items()} == {_id(2): _id(1)}


def test_a_redirect_keeps_the_moment_at_which_it_was_first_published(told: list[dict[str, tuple[str, Any]]]) -> None:
    assert told[2] == told[1]


def test_after_an_unmerge_the_id_is_a_contact_again(told: list[dict[str, tuple[str, Any]]]) -> None:
    assert told[3] == {}
