"""R28: whoever may be too young by a reading of the birth date that the consent's own record states has not consented."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from optkeeper.landing.pull import pull
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import NEWSLETTER, TOKEN, HubSpotServer
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import road

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
STATED = {
    "nothing": "", "adult": "1980-02-03", "adult-day-first": "13-05-1980", "adult-in-milliseconds": "326592000000",
    "day-first": "12-05-2014", "month-first": "05/12/2014", "in-milliseconds": "1399852800000", "in-words": "12 mei 2014",
    "no-year": "12-05", "dash": "-",
}  # fmt: skip
ADULTS = {"nothing", "adult", "adult-day-first", "adult-in-milliseconds", "dash"}


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled, HubSpotServer() as account:
        account.define_subscription(NEWSLETTER, "Nieuwsbrief", at=AT)
        for name, stated in STATED.items():
            email = f"{name}@noord.example"
            account.add_contact({"email": email, "date_of_birth": stated}, at=AT)
            account.set_status(
                email, NEWSLETTER, "SUBSCRIBED", at=AT, legal_basis="CONSENT_WITH_NOTICE", explanation="noord-news-v2"
            )
        with travelled.connected() as connection:
            pull(connection, pulled_source("crm"), ConnectionDetails(password=TOKEN, extra={"base_url": account.url}))
        yield travelled.ask([{"id": name, "address": f"{name}@noord.example"} for name in STATED])


@pytest.mark.parametrize("name", STATED)
def test_only_who_is_old_enough_by_every_reading_is_marketable(name: str, answers: dict[str, dict[str, Any]]) -> None:
    expected = (True, "ok") if name in ADULTS else (False, "minor")
    assert (answers[name]["marketable"], answers[name]["reason"]) == expected
