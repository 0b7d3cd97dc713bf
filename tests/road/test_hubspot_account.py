"""Shapes that real HubSpot accounts return, on the whole road."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from optkeeper.landing.pull import pull
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import EVENTS, NEWSLETTER, TOKEN, HubSpotServer
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import road
from tests.road.test_restrictions_survive import _grant

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled, HubSpotServer() as account:
        for number, name in ((NEWSLETTER, "Nieuwsbrief"), (EVENTS, "Evenementen")):
            account.define_subscription(number, name, at=AT)
        travelled.events([_grant(name) for name in ("all", "one", "extra", "stays")])
        for name in ("all", "one"):
            account.add_contact({"email": f"{name}@noord.example"}, at=AT)
        account.add_contact({"email": "main@noord.example", "hs_additional_emails": "extra@noord.example"}, at=AT)
        for name, source in (
            ("all", "PORTAL_WIDE_STATUS"),
            ("one", "SUBSCRIPTION_STATUS"),
            ("extra", "PORTAL_WIDE_STATUS"),
        ):
            account.set_status(f"{name}@noord.example", EVENTS, "UNSUBSCRIBED", at=AT, source=source)
        with travelled.connected() as connection:
            pull(connection, pulled_source("crm"), ConnectionDetails(password=TOKEN, extra={"base_url": account.url}))
        yield travelled.ask(
            [
                {"id": f"{name}/{purpose}", "address": f"{name}@noord.example", "purpose": purpose}
                for name in ("all", "one", "extra", "stays")
                for purpose in ("newsletter", "events")
            ]
        )


@pytest.mark.parametrize(
    ("asked", "is_marketable"),
    [
        ("all/newsletter", False), ("all/events", False), ("extra/newsletter", False), ("extra/events", False),
        ("one/newsletter", True), ("one/events", False), ("stays/newsletter", True), ("stays/events", True),
    ],
)  # fmt: skip
def test_an_opt_out_of_the_whole_portal_stops_every_purpose(
    asked: str, is_marketable: bool, answers: dict[str, dict[str, Any]]
) -> None:
    assert answers[asked]["marketable"] is is_marketable, answers[asked]
