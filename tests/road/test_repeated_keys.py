"""A record of a web source that repeats a key goes to quarantine: what it may mean restricts, nothing of it permits."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from optkeeper.landing.document import Repeating
from optkeeper.landing.pull import pull
from optkeeper.registry import pulled_source
from optkeeper.samples.hubspot import TOKEN, HubSpotServer
from optkeeper.samples.mailchimp import API_KEY, MailchimpServer
from optkeeper.samples.mailchimp import NEWSLETTER as AUDIENCE
from optkeeper.sources.stream import ConnectionDetails

from tests.road.road import Road, road
from tests.road.test_restrictions_survive import _grant

AT = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
STAMP = "2026-03-01T06:00:00Z"
RESTRICTED = ("anna", "bram", "bert", "dora", "esra", "emil")
UNTOUCHED = ("cleo", "finn", "gijs")


def _contact(number: int, *members: tuple[str, str]) -> dict[str, Any]:
    return {"id": str(number), "properties": Repeating([*members, ("lastmodifieddate", STAMP)])}


def _member(letter: str, *members: tuple[str, Any]) -> Repeating:
    named = [("id", letter * 32), ("contact_id", letter * 32), ("list_id", AUDIENCE), ("last_changed", STAMP)]
    return Repeating([*named, ("timestamp_signup", ""), ("timestamp_opt", ""), *members])


def _address(name: str) -> str:
    return f"{name}@noord.example"


CONTACTS = [
    _contact(901, ("email", _address("anna")), ("hs_email_optout", "true"), ("hs_email_optout", "false")),
    _contact(902, ("email", _address("bram")), ("hs_email_optout", "true"), ("email", _address("bert"))),
    _contact(903, ("email", _address("cleo")), ("city", "Goes"), ("city", "Sluis")),
]
MEMBERS = [
    _member("d", ("email_address", _address("dora")), ("status", "unsubscribed"), ("status", "subscribed")),
    _member(
        "e", ("email_address", _address("esra")), ("status", "cleaned"), ("email_address", _address("emil")),
        ("status", "archived"),
    ),
    _member("f", ("email_address", _address("finn")), ("status", "subscribed"), ("vip", True), ("vip", False)),
]  # fmt: skip


@pytest.fixture(scope="module")
def travelled() -> Iterator[Road]:
    with (
        pytest.MonkeyPatch.context() as patch,
        road(patch) as one,
        HubSpotServer() as crm,
        MailchimpServer() as esp,
    ):
        one.events([_grant(name) for name in (*RESTRICTED, *UNTOUCHED)])
        for contact in CONTACTS:
            crm.add_malformed(contact)
        crm.add_contact({"email": _address("gijs")}, at=AT)
        esp.add_list(AUDIENCE, "Nieuwsbrief", at=AT)
        for member in MEMBERS:
            esp.add_malformed(AUDIENCE, member)
        with one.connected() as connection:
            for name, password, url in (("crm", TOKEN, crm.url), ("esp", API_KEY, esp.url)):
                details = ConnectionDetails(password=password, extra={"base_url": url})
                pull(connection, pulled_source(name), details)
        yield one


@pytest.fixture(scope="module")
def answers(travelled: Road) -> dict[str, dict[str, Any]]:
    return travelled.ask([{"id": name, "address": _address(name)} for name in (*RESTRICTED, *UNTOUCHED)])


@pytest.mark.parametrize("name", RESTRICTED)
def test_whatever_a_repeated_key_may_mean_restricts(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is False, answers[name]


@pytest.mark.parametrize("name", UNTOUCHED)
def test_a_repeated_key_that_restricts_nothing_takes_nothing(name: str, answers: dict[str, dict[str, Any]]) -> None:
    assert answers[name]["marketable"] is True, answers[name]


def test_the_record_stands_in_quarantine_as_it_was_told(travelled: Road) -> None:
    with travelled.connected() as connection:
        kept = connection.execute(
            "select source, field, payload from raw.quarantine where reason = 'repeated_key' order by quarantine_id"
        ).fetchall()
    fields = [("crm", "properties.hs_email_optout"), ("crm", "properties.email"), ("crm", "properties.city")]
    fields += [("esp", "status"), ("esp", "email_address"), ("esp", "vip")]
    assert [(source, field) for source, field, _ in kept] == fields
    payloads = [bytes(payload).decode() for _, _, payload in kept]
    assert '"hs_email_optout":"true","hs_email_optout":"false"' in payloads[0]
    assert payloads[3].count('"status"') == 2
    assert json.loads(payloads[3])["status"] == "subscribed"


def test_the_sources_other_records_land(travelled: Road) -> None:
    with travelled.connected() as connection:
        landed = connection.execute(
            "select payload -> 'properties' ->> 'email' from raw.records"
            " where object = 'hubspot.contacts' and broken_reason is null"
        ).fetchall()
    assert landed == [(_address("gijs"),)]
