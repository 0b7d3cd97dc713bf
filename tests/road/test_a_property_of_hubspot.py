"""A property of HubSpot that means an opt-out is two rows of the registry: what is asked for, and what it means."""

from datetime import UTC, datetime

import pytest
from optkeeper.landing.pull import pull
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import TOKEN, HubSpotServer
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import road
from tests.road.test_restrictions_survive import _grant

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


def test_two_rows_make_a_property_an_opt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("anna", "bram", "cleo", "dora")
    with road(monkeypatch) as travelled, HubSpotServer() as account:
        travelled.registered("hubspot_properties.csv", "wants_no_newsletter,true")
        travelled.registered(
            "hubspot_property_turns.csv",
            "wants_no_newsletter,no_newsletter,opt_out,is,yes,false,email,newsletter,noord",
        )
        travelled.events([_grant(name) for name in names])
        said = {"anna": "yes", "bram": "no", "cleo": "yes"}
        ids = {
            name: account.add_contact({"email": f"{name}@noord.example", "wants_no_newsletter": value}, at=AT)
            for name, value in said.items()
        }
        # a flag that vanished is nothing: the turn stands (R13)
        account.update_contact(ids["cleo"], {"wants_no_newsletter": "no"}, at=AT.replace(hour=7))
        with travelled.connected() as connection:
            pull(connection, pulled_source("crm"), ConnectionDetails(password=TOKEN, extra={"base_url": account.url}))
        asked = [{"id": name, "address": f"{name}@noord.example"} for name in names]
        asked += [{"id": "other", "address": "anna@noord.example", "purpose": "events"}]
        answers = travelled.ask(asked)
    assert {name: answer["marketable"] for name, answer in answers.items()} == {
        "anna": False, "bram": True, "cleo": False, "dora": True, "other": True,
    }  # fmt: skip
    assert answers["anna"]["reason"] == "withdrawn"
