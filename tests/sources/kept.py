"""What the tests of connectors share: a ledger in memory, and a HubSpot account to read."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from optkeeper.registry import RegisteredSource
from optkeeper.samples.hubspot import TOKEN, HubSpotServer
from optkeeper.sources import hubspot
from optkeeper.sources.hubspot import HubSpot
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    Cursor,
    Listed,
    ListingEnded,
    Population,
    Received,
    StreamItem,
)

MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
YESTERDAY = MORNING - timedelta(days=1)


class Kept:
    """A ledger and what was landed, in memory; a cursor stands once everything before it does."""

    def __init__(self) -> None:
        self.cursors: dict[str, Any] = {}
        self.seen: Counter[str] = Counter()
        self.rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.broken: list[Broken] = []
        self.populations: list[Population] = []
        self.listed: dict[tuple[str, str], set[str]] = {}
        self.ended: list[tuple[str, str]] = []

    def cursor(self, stream: str) -> Any:
        return self.cursors.get(stream)

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        return False

    def take(self, stream: Iterable[StreamItem], *, killed_after: int | None = None) -> None:
        waiting: list[StreamItem] = []
        for place, item in enumerate(stream):
            if place == killed_after:
                return
            waiting.append(item)
            if isinstance(item, Cursor):
                self._store(waiting)
                waiting = []
        self._store(waiting)

    def _store(self, items: Iterable[StreamItem]) -> None:
        for item in items:
            if isinstance(item, Received):
                self.seen[item.object] += 1
                text = json.dumps(item.payload, sort_keys=True, default=str)
                self.rows[item.object, item.source_id, text] = dict(item.payload)
            elif isinstance(item, Broken):
                self.broken.append(item)
            elif isinstance(item, Cursor):
                self.cursors[item.stream] = json.loads(json.dumps(item.state))
            elif isinstance(item, Population):
                self.populations.append(item)
            elif isinstance(item, Listed):
                self.listed.setdefault((item.object, item.started_at), set()).update(item.source_ids)
            elif isinstance(item, ListingEnded):
                self.ended.append((item.object, item.started_at))

    def ids(self, object_: str = hubspot.CONTACTS) -> list[str]:
        return sorted(
            {id_ for name, id_, _ in self.rows if name == object_}, key=lambda id_: [*map(int, id_.split("/"))]
        )


class Waits(list[float]):
    """Stands in for sleep: remembers how long it was asked to wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def source_of(
    server: HubSpotServer, crm: RegisteredSource, *, now: datetime = MORNING, sleep: Any = None, token: str = TOKEN
) -> HubSpot:
    details = ConnectionDetails(password=token, extra={"base_url": server.url})
    return HubSpot(crm, details, now=lambda: now, sleep=Waits() if sleep is None else sleep)


def fill(server: HubSpotServer, count: int, *, at: datetime = YESTERDAY) -> list[str]:
    return [server.add_contact({"email": f"p{number}@firma.example"}, at=at) for number in range(count)]
