"""HubSpot is read to exhaustion, page by page, and whatever it does, nothing is lost and nothing comes twice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import settings
from optkeeper.landing.land import Landing
from optkeeper.registry import RegisteredSource, pulled_source
from optkeeper.samples.hubspot import (
    CONSENT_LABEL,
    EVENTS,
    NEWSLETTER,
    ONE_TO_ONE,
    Fault,
    HubSpotServer,
    instant_text,
    populate,
)
from optkeeper.samples.people import people
from optkeeper.sources import hubspot, hubspot_preferences
from optkeeper.sources.http import ATTEMPTS, SourceError
from optkeeper.sources.hubspot import HubSpot
from optkeeper.sources.stream import ConnectionDetails, Cursor, Population, RawAddress, Received, StreamItem
from optkeeper.warehouse import database

from tests.sources.kept import MORNING, YESTERDAY, Kept, Waits, fill, source_of


@pytest.fixture
def account() -> Iterator[HubSpotServer]:
    with HubSpotServer() as server:
        server.define_subscription(NEWSLETTER, "Nieuwsbrief", at=YESTERDAY)
        yield server


@pytest.fixture
def crm() -> RegisteredSource:
    return pulled_source("crm")


def pages_read(server: HubSpotServer, path: str) -> int:
    return sum(1 for _, asked, query, _ in server.requests if asked.endswith(path) and query.get("archived") != "true")


@pytest.mark.parametrize(("contacts", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (120, 3)])
def test_a_first_load_reads_every_page_and_no_more(
    account: HubSpotServer, crm: RegisteredSource, contacts: int, pages: int
) -> None:
    ids = fill(account, contacts)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids() == ids
    assert len(kept.ids(hubspot_preferences.SUBSCRIPTION_STATUSES)) == contacts
    assert pages_read(account, "/objects/contacts") == pages
    assert kept.populations == [Population(hubspot.CONTACTS, contacts)]
    assert kept.cursors == {"contacts": {"until": MORNING.isoformat()}, "statuses": {"read_at": MORNING.isoformat()}}
    assert kept.listed == {(hubspot.CONTACTS, MORNING.isoformat()): set(ids)}
    assert kept.ended == [(hubspot.CONTACTS, MORNING.isoformat())]


def test_a_contact_is_kept_as_received_with_its_history_and_addresses(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    contact = account.add_contact(
        {
            "email": "Anna@Firma.example",
            "hs_additional_emails": "a.jansen@firma.example;anna@oud.example",
            "phone": "020 300 0001",
            "mobilephone": "06 12345678",
            "country": "nl",
        },
        at=YESTERDAY,
    )
    account.update_contact(contact, {"hs_email_optout": "true"}, at=YESTERDAY + timedelta(hours=1))
    received = [
        item
        for item in source_of(account, crm).pull(Kept())
        if isinstance(item, Received) and item.object == hubspot.CONTACTS
    ]
    assert len(received) == 1
    assert received[0].payload["propertiesWithHistory"]["hs_email_optout"] == [
        {"value": "true", "timestamp": "2026-03-01T07:00:00.000Z", "sourceType": "CRM_UI"}
    ]
    assert received[0].addresses == (
        RawAddress("email", "Anna@Firma.example"),
        RawAddress("email", "a.jansen@firma.example"),
        RawAddress("email", "anna@oud.example"),
        RawAddress("phone", "020 300 0001", "NL"),
        RawAddress("phone", "06 12345678", "NL"),
    )


def test_an_incremental_pull_reads_only_what_changed(account: HubSpotServer, crm: RegisteredSource) -> None:
    ids = fill(account, 60)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    account.update_contact(ids[7], {"firstname": "Bas"}, at=MORNING + timedelta(hours=2))
    account.requests.clear()
    later = MORNING + timedelta(days=1)
    kept.take(source_of(account, crm, now=later).pull(kept))
    assert [row["properties"]["firstname"] for (_, id_, _), row in kept.rows.items() if id_ == ids[7]] == [None, "Bas"]
    assert pages_read(account, "/objects/contacts") == 0
    assert [body["inputs"] for _, path, _, body in account.requests if path.endswith("contacts/batch/read")] == [
        [{"id": ids[7]}]
    ]
    assert kept.cursors["contacts"] == {"until": later.isoformat()}


@pytest.mark.parametrize("changed", [99, 100, 101, 200, 260])
def test_contacts_of_one_instant_beyond_the_search_ceiling_all_come(crm: RegisteredSource, changed: int) -> None:
    with HubSpotServer(search_ceiling=100) as account:
        ids = fill(account, changed)
        kept = Kept()
        kept.take(source_of(account, crm).pull(kept))
        bulk_edit = MORNING + timedelta(hours=1)
        for id_ in ids:
            account.update_contact(id_, {"company": "Firma"}, at=bulk_edit)
        kept.take(source_of(account, crm, now=MORNING + timedelta(hours=2)).pull(kept))
        edited = {id_ for (_, id_, _), row in kept.rows.items() if row["properties"].get("company") == "Firma"}
        assert edited == set(ids)
        searches = [body for _, path, _, body in account.requests if path.endswith("/search") and body.get("sorts")]
        assert len(searches) == -(-changed // 100)
        assert not any("after" in body for body in searches)


def test_an_edit_that_the_search_showed_late_is_found_in_the_overlap(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    ids = fill(account, 3)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    account.update_contact(ids[0], {"firstname": "Laat"}, at=MORNING - timedelta(minutes=9))
    account.update_contact(ids[1], {"firstname": "Te laat"}, at=MORNING - timedelta(minutes=11))
    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=1)).pull(kept))
    names = {row["properties"].get("firstname") for (name, _, _), row in kept.rows.items() if name == hubspot.CONTACTS}
    assert names == {None, "Laat"}


def test_a_change_after_the_window_s_end_comes_with_the_next_pull(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    ids = fill(account, 1)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    account.update_contact(ids[0], {"firstname": "Straks"}, at=MORNING + timedelta(hours=2))
    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=1)).pull(kept))
    assert len([1 for name, _, _ in kept.rows if name == hubspot.CONTACTS]) == 1
    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=3)).pull(kept))
    assert len([1 for name, _, _ in kept.rows if name == hubspot.CONTACTS]) == 2


def test_a_merge_shows_in_the_survivor_and_its_addresses_are_asked_for(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    survivor, gone = fill(account, 2)
    account.set_status("p1@firma.example", NEWSLETTER, "UNSUBSCRIBED", at=YESTERDAY)
    account.merge_contacts(survivor, gone, at=YESTERDAY + timedelta(hours=1))
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids() == [survivor]
    (row,) = [row for (name, _, _), row in kept.rows.items() if name == hubspot.CONTACTS]
    assert row["properties"]["hs_merged_object_ids"] == gone
    statuses = [row for (name, id_, _), row in kept.rows.items() if id_ == f"{survivor}/{NEWSLETTER}"]
    assert {(row["subscriberIdString"], row["status"]) for row in statuses} == {
        ("p0@firma.example", "NOT_SPECIFIED"),
        ("p1@firma.example", "UNSUBSCRIBED"),
    }


def test_archived_contacts_are_kept_apart_page_by_page(account: HubSpotServer, crm: RegisteredSource) -> None:
    ids = fill(account, 70)
    for id_ in ids[:60]:
        account.archive_contact(id_, at=YESTERDAY)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(hubspot.ARCHIVED_CONTACTS) == ids[:60]
    assert kept.ids() == ids[60:]
    assert kept.populations == [Population(hubspot.CONTACTS, 10)]


def test_a_contact_that_vanishes_between_search_and_read_stops_nothing(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    ids = fill(account, 3)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    for id_ in ids:
        account.update_contact(id_, {"firstname": "Nieuw"}, at=MORNING + timedelta(minutes=1))

    def archive_meanwhile(_: float) -> None:
        account.archive_contact(ids[1], at=MORNING + timedelta(minutes=2))

    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=1), sleep=archive_meanwhile).pull(kept))
    renewed = {
        id_
        for (name, id_, _), row in kept.rows.items()
        if name == hubspot.CONTACTS and row["properties"]["firstname"] == "Nieuw"
    }
    assert renewed == {ids[0], ids[2]}
    assert kept.ids(hubspot.ARCHIVED_CONTACTS) == [ids[1]]


def test_a_status_is_known_by_ids_and_never_by_an_address(account: HubSpotServer, crm: RegisteredSource) -> None:
    (contact,) = fill(account, 1)
    account.set_status("p0@firma.example", NEWSLETTER, "SUBSCRIBED", at=YESTERDAY)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(hubspot_preferences.SUBSCRIPTION_STATUSES) == [f"{contact}/{NEWSLETTER}"]
    assert kept.ids(hubspot_preferences.SUBSCRIPTION_DEFINITIONS) == [str(NEWSLETTER)]


def test_more_addresses_than_a_batch_holds_are_asked_for_in_batches(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    for number in range(50):
        account.add_contact(
            {
                "email": f"p{number}@firma.example",
                "hs_additional_emails": f"q{number}@firma.example;;r{number}@b.example",
            },
            at=YESTERDAY,
        )
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    batches = [len(body["inputs"]) for _, path, _, body in account.requests if path.endswith("statuses/batch/read")]
    assert batches == [100, 50]
    assert len([1 for name, _, _ in kept.rows if name == hubspot_preferences.SUBSCRIPTION_STATUSES]) == 150


def test_a_wrong_token_is_an_error_at_once_that_shows_no_token(account: HubSpotServer, crm: RegisteredSource) -> None:
    with pytest.raises(
        SourceError, match=r"crm: GET /communication-preferences/v4/definitions .* status 401"
    ) as refused:
        list(source_of(account, crm, token="pat-wrong").pull(Kept()))
    assert "pat-wrong" not in str(refused.value)
    assert len(account.requests) == 1


def test_a_connection_without_a_token_is_refused_before_any_request(crm: RegisteredSource) -> None:
    with pytest.raises(SourceError, match="crm: the connection holds no access token"):
        HubSpot(crm, ConnectionDetails())


def test_a_429_is_waited_for_as_long_as_the_server_asks(account: HubSpotServer, crm: RegisteredSource) -> None:
    fill(account, 2)
    account.inject(Fault(429, retry_after="7", path="/objects/contacts"))
    waits, kept = Waits(), Kept()
    kept.take(source_of(account, crm, sleep=waits).pull(kept))
    assert 7.0 in waits
    assert len(kept.ids()) == 2


def test_a_429_without_a_delay_is_tried_again_after_a_growing_pause(
    account: HubSpotServer, crm: RegisteredSource
) -> None:
    fill(account, 2)
    account.inject(*[Fault(429, path="/statuses/batch/read")] * 3)
    waits, kept = Waits(), Kept()
    kept.take(source_of(account, crm, sleep=waits).pull(kept))
    pauses = [wait for wait in waits if wait != hubspot.SECONDS_BETWEEN_SEARCHES]
    assert len(pauses) == 3
    assert 0.25 <= pauses[0] <= 0.75
    assert 1.0 <= pauses[2] <= 3.0
    assert len(kept.ids(hubspot_preferences.SUBSCRIPTION_STATUSES)) == 2


def test_a_used_up_daily_quota_is_an_error_at_once(account: HubSpotServer, crm: RegisteredSource) -> None:
    account.inject(Fault(429, policy="DAILY"))
    waits = Waits()
    with pytest.raises(SourceError, match="daily number of requests is used up"):
        list(source_of(account, crm, sleep=waits).pull(Kept()))
    assert waits == []


def test_the_rate_limit_headers_slow_the_pull_down_before_the_server_refuses(crm: RegisteredSource) -> None:
    clock = [0.0]

    def wait(seconds: float) -> None:
        clock[0] += seconds

    with HubSpotServer(requests_in_ten_seconds=4, clock=lambda: clock[0]) as account:
        fill(account, 400)
        kept = Kept()
        kept.take(source_of(account, crm, sleep=wait).pull(kept))
        assert len(kept.ids()) == 400
        assert clock[0] >= 30


@pytest.mark.parametrize("fault", [Fault(500), Fault(502), Fault(half=True)], ids=["500", "502", "half an answer"])
@pytest.mark.parametrize("path", ["/definitions", "/search", "/objects/contacts", "/statuses/batch/read"])
def test_a_passing_fault_changes_nothing(
    account: HubSpotServer, crm: RegisteredSource, fault: Fault, path: str
) -> None:
    fill(account, 60)
    whole, kept = Kept(), Kept()
    whole.take(source_of(account, crm).pull(whole))
    account.inject(Fault(fault.status, half=fault.half, path=path))
    kept.take(source_of(account, crm).pull(kept))
    assert not account.faults
    assert kept.rows == whole.rows


def test_a_lasting_fault_ends_the_pull_and_keeps_what_was_whole(account: HubSpotServer, crm: RegisteredSource) -> None:
    ids = fill(account, 120)
    kept = Kept()

    def stream() -> Iterator[StreamItem]:
        for item in source_of(account, crm).pull(kept):
            yield item
            if isinstance(item, Cursor) and not account.faults:
                account.inject(*[Fault(503, path="/objects/contacts")] * ATTEMPTS)

    with pytest.raises(SourceError, match="GET /crm/v3/objects/contacts failed 8 times, last: status 503"):
        kept.take(stream())
    assert kept.ids() == ids[:50]
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids() == ids


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"properties": {"email": "x@firma.example"}}, "id"),
        ({"id": "abc", "properties": {}}, "id"),
        ({"id": "900", "properties": None}, "properties"),
        ({"id": "900", "properties": {"email": 5, "lastmodifieddate": "2026-01-01T00:00:00Z"}}, "properties.email"),
        ({"id": "900", "properties": {"email": "x@firma.example"}}, "properties.lastmodifieddate"),
        (
            {"id": "900", "updatedAt": "2026-01-01T00:00:00Z", "properties": {}, "propertiesWithHistory": {"a": "b"}},
            "propertiesWithHistory.a",
        ),
        ("no object", None),
    ],
)
def test_a_malformed_contact_is_quarantined_and_the_rest_comes(
    account: HubSpotServer, crm: RegisteredSource, item: Any, field: str | None
) -> None:
    ids = fill(account, 52)
    account.add_malformed(item)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert kept.ids() == ids
    (broken,) = kept.broken
    assert (broken.object, broken.position, broken.reason, broken.field) == (
        hubspot.CONTACTS,
        "page 2, item 3",
        "malformed_record",
        field,
    )
    assert json.loads(broken.raw) == item
    assert "@" not in broken.detail


def test_a_status_that_nobody_knows_is_quarantined(account: HubSpotServer, crm: RegisteredSource) -> None:
    fill(account, 2)
    account.set_status("p0@firma.example", NEWSLETTER, "PAUSED", at=YESTERDAY)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept))
    assert [(broken.object, broken.field) for broken in kept.broken] == [
        (hubspot_preferences.SUBSCRIPTION_STATUSES, "status")
    ]
    assert len(kept.ids(hubspot_preferences.SUBSCRIPTION_STATUSES)) == 1


@pytest.mark.parametrize("killed_after", range(0, 380, 19))
def test_a_first_load_that_is_killed_goes_on_and_ends_in_the_same_rows(
    account: HubSpotServer, crm: RegisteredSource, killed_after: int
) -> None:
    fill(account, 170)
    whole, kept = Kept(), Kept()
    whole.take(source_of(account, crm).pull(whole))
    kept.take(source_of(account, crm).pull(kept), killed_after=killed_after)
    kept.take(source_of(account, crm, now=MORNING + timedelta(minutes=5)).pull(kept))
    assert kept.rows == whole.rows


def test_a_change_during_a_killed_first_load_is_not_lost(account: HubSpotServer, crm: RegisteredSource) -> None:
    ids = fill(account, 170)
    kept = Kept()
    kept.take(source_of(account, crm).pull(kept), killed_after=120)
    assert "after" in kept.cursors["contacts"]
    account.update_contact(ids[0], {"firstname": "Tussendoor"}, at=MORNING + timedelta(minutes=30))
    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=1)).pull(kept))
    assert kept.cursors["contacts"] == {"until": MORNING.isoformat()}
    kept.take(source_of(account, crm, now=MORNING + timedelta(hours=2)).pull(kept))
    assert "Tussendoor" in {row["properties"]["firstname"] for (_, id_, _), row in kept.rows.items() if id_ == ids[0]}


def test_a_killed_incremental_pull_reads_its_window_again(account: HubSpotServer, crm: RegisteredSource) -> None:
    ids = fill(account, 170)
    whole, kept = Kept(), Kept()
    for ledger in (whole, kept):
        ledger.take(source_of(account, crm).pull(ledger))
    for id_ in ids:
        account.update_contact(id_, {"firstname": "Nieuw"}, at=MORNING + timedelta(minutes=1))
    later = MORNING + timedelta(hours=1)
    whole.take(source_of(account, crm, now=later).pull(whole))
    kept.take(source_of(account, crm, now=later).pull(kept), killed_after=130)
    assert kept.cursors["contacts"] == {"until": MORNING.isoformat()}
    kept.take(source_of(account, crm, now=later).pull(kept))
    assert kept.rows == whole.rows


# To canonical events


def land(warehouse: psycopg.Connection[Any], server: HubSpotServer, crm: RegisteredSource, now: datetime) -> int:
    """Lands one pull and answers how many records were new."""
    landing = Landing(warehouse, "crm")
    return landing.land(source_of(server, crm, now=now).pull(landing.ledger)).records_new


def build_events(warehouse_url: str, target: Path) -> None:
    part = database.parts(warehouse_url)
    environment = {
        **os.environ,
        "OPTKEEPER_DB_HOST": part["host"],
        "OPTKEEPER_DB_PORT": part["port"],
        "OPTKEEPER_DB_USER": part["user"],
        "OPTKEEPER_DB_PASSWORD": part["password"],
        "OPTKEEPER_DB_NAME": part["dbname"],
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
    }
    project = str(settings.DBT_PROJECT)
    done = subprocess.run(  # noqa: S603
        [
            str(Path(sys.executable).parent / "dbt"),
            "--quiet",
            "build",
            "--project-dir",
            project,
            "--profiles-dir",
            project,
        ]
        + ["--select", "+int_events__from_hubspot", "--indirect-selection", "cautious"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def events(warehouse: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return warehouse.execute(
        "select event_id, event_type, occurred_text, email_text, channel, purpose, brand, method, text_version"
        " from intermediate.int_events__from_hubspot"
        " where event_type <> 'contact_upserted' order by event_id collate \"C\""
    ).fetchall()


def test_every_fact_becomes_one_event_however_often_it_is_seen(
    warehouse: psycopg.Connection[Any], warehouse_url: str, crm: RegisteredSource, tmp_path: Path
) -> None:
    day = YESTERDAY
    with HubSpotServer() as account:
        account.define_subscription(NEWSLETTER, "Nieuwsbrief", at=day)
        account.define_subscription(EVENTS, "Evenementen", at=day)
        account.define_subscription(ONE_TO_ONE, "One to One", at=day, internal=True)
        given = account.add_contact(
            {
                "email": "given@firma.example",
                "phone": "020 300 0001",
                "mobilephone": "06 12345678",
                "country": "Netherlands",
                "hs_country_region_code": "NL",
                "address": "Dorpsstraat 12 bis",
                "zip": "1000 AB",
                "date_of_birth": "1980-02-03",
                "hs_additional_emails": "extra@firma.example",
                "recent_conversion_date": "1772265600000",
                "hs_sales_email_last_replied": "2026-02-01T10:00:00.000Z",
                "hs_email_last_click_date": "2026-02-02T10:00:00.000Z",
            },
            at=day,
        )
        consent = {"legal_basis": "CONSENT_WITH_NOTICE", "explanation": "noord-news-v2"}
        account.set_status("given@firma.example", NEWSLETTER, "SUBSCRIBED", at=day + timedelta(minutes=1), **consent)
        account.set_status("given@firma.example", EVENTS, "SUBSCRIBED", at=day + timedelta(minutes=2))
        account.set_status("extra@firma.example", EVENTS, "UNSUBSCRIBED", at=day + timedelta(minutes=3))
        account.set_status("extra@firma.example", ONE_TO_ONE, "UNSUBSCRIBED", at=day + timedelta(minutes=4))
        out = account.add_contact({"email": "out@firma.example", "hs_email_optout": "true"}, at=day)
        account.update_contact(out, {"hs_email_optout": "false"}, at=day + timedelta(minutes=5))
        account.update_contact(out, {"hs_email_optout": "true"}, at=day + timedelta(minutes=6))
        label = account.add_contact(
            {"email": "label@firma.example", "hs_legal_basis": f"Other;{CONSENT_LABEL}"}, at=day
        )
        bounce = account.add_contact(
            {"email": "bounce@firma.example", "hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"}, at=day
        )
        merged = account.add_contact({"email": "merged@firma.example"}, at=day)
        account.merge_contacts(bounce, merged, at=day + timedelta(minutes=7))
        binned = account.add_contact({"email": "binned@firma.example", "hs_email_optout": "true"}, at=day)
        account.archive_contact(binned, at=day + timedelta(minutes=8))

        land(warehouse, account, crm, MORNING)
        build_events(warehouse_url, tmp_path)
        told = events(warehouse)
        first = "2026-03-01T06:0{}:00.000Z".format
        own = ("email", "newsletter", "noord", "hubspot_subscription", "noord-news-v2")
        assert told == [
            (f"bounces/{bounce}/{first(0)}", "email_bounced", first(0), "bounce@firma.example", "email") + (None,) * 4,
            (f"forms/{given}/2026-02-28T08:00:00.000Z", "form_submitted", "2026-02-28T08:00:00.000Z")
            + ("given@firma.example",)
            + (None,) * 5,
            (f"legal_bases/{label}/{first(0)}", "consent_given", first(0), "label@firma.example", "email")
            + (None, None, "hubspot_legal_basis", None),
            (f"merges/{bounce}/{merged}", "contacts_merged", first(7)) + (None,) * 6,
            (f"opt_outs/{out}/{first(0)}", "consent_withdrawn", first(0), "out@firma.example", "email")
            + (None, None, "hubspot_opt_out", None),
            (f"opt_outs/{out}/{first(6)}", "consent_withdrawn", first(6), "out@firma.example", "email")
            + (None, None, "hubspot_opt_out", None),
            (f"opt_outs/{binned}/{first(0)}", "consent_withdrawn", first(0), "binned@firma.example", "email")
            + (None, None, "hubspot_opt_out", None),
            (f"replies/{given}/2026-02-01T10:00:00.000Z", "reply_received", "2026-02-01T10:00:00.000Z")
            + ("given@firma.example",)
            + (None,) * 5,
            (
                f"subscriptions/{given}/{NEWSLETTER}/1/{first(1)}",
                "consent_given",
                first(1),
                "given@firma.example",
                *own,
            ),
            (f"subscriptions/{given}/{EVENTS}/2/{first(3)}", "consent_withdrawn", first(3), "extra@firma.example")
            + ("email", "events", "noord", "hubspot_subscription", None),
            (f"subscriptions/{given}/{ONE_TO_ONE}/2/{first(4)}", "consent_withdrawn", first(4), "extra@firma.example")
            + ("email", None, None, "hubspot_subscription", None),
        ]
        upserted = warehouse.execute(
            "select event_id, email_text, phone_text, country, postal_house_number, postal_addition, birth_date_text"
            " from intermediate.int_events__from_hubspot"
            " where event_type = 'contact_upserted' and source_contact_id = %s order by event_id",
            (given,),
        ).fetchall()
        version, rest = f"contacts/{given}/{first(2)}", ("NL", "12", "bis", "1980-02-03")
        assert upserted == [
            (version, "given@firma.example", "020 300 0001", *rest),
            (f"{version}/email/1", "extra@firma.example", "020 300 0001", *rest),
            (f"{version}/mobile", "given@firma.example", "06 12345678", *rest),
        ]
        proof = warehouse.execute(
            "select country, birth_date_text from intermediate.int_events__from_hubspot"
            " where event_type = 'consent_given' and purpose = 'newsletter'"
        ).fetchone()
        assert proof == ("NL", "1980-02-03")

        # Every contact is changed in something that has no bearing: each fact keeps its content and its first receipt.
        receipts = "select event_id, received_at, record_id, email_text from intermediate.int_events__from_hubspot" + (
            " where event_type <> 'contact_upserted' order by event_id, received_at"
        )
        before = warehouse.execute(receipts).fetchall()
        for contact in (given, out, label, bounce):
            changed = {"email": f"new.{contact}@firma.example", "firstname": "Anders"}
            account.update_contact(contact, changed, at=MORNING + timedelta(minutes=1))
        account.update_contact(label, {"hs_legal_basis": ""}, at=MORNING + timedelta(minutes=2))
        assert land(warehouse, account, crm, MORNING + timedelta(hours=1)) > 0
        build_events(warehouse_url, tmp_path)
        assert warehouse.execute(receipts).fetchall() == before
        assert events(warehouse) == told


def test_a_flag_without_history_is_undated(
    warehouse: psycopg.Connection[Any], warehouse_url: str, tmp_path: Path
) -> None:
    payload = {
        "id": "7",
        "properties": {
            "email": "anna@firma.example",
            "lastmodifieddate": "1772265600000",
            "hs_email_optout": "true",
            "hs_legal_basis": CONSENT_LABEL,
            "hs_email_hard_bounce_reason_enum": "OTHER",
            "hs_merged_object_ids": "5;6",
        },
    }
    Landing(warehouse, "crm").land(iter([Received(hubspot.CONTACTS, "7", payload)]))
    build_events(warehouse_url, tmp_path)
    assert [(row[0], row[2]) for row in events(warehouse)] == [
        ("bounces/7/undated", None),
        ("legal_bases/7/undated", None),
        ("merges/7/5", None),
        ("merges/7/6", None),
        ("opt_outs/7/undated", None),
    ]
    (upserted,) = warehouse.execute(
        "select event_id from intermediate.int_events__from_hubspot where event_type = 'contact_upserted'"
    ).fetchall()
    assert upserted == ("contacts/7/2026-02-28T08:00:00.000Z",)


def test_the_sample_account_lands_once_and_tells_every_kind_of_event(
    warehouse: psycopg.Connection[Any], warehouse_url: str, crm: RegisteredSource, tmp_path: Path
) -> None:
    with HubSpotServer() as account:
        populate(account, people(200), date(2026, 3, 2))
        assert land(warehouse, account, crm, MORNING) > 0
        assert land(warehouse, account, crm, MORNING + timedelta(minutes=1)) == 0
    build_events(warehouse_url, tmp_path)
    kinds = warehouse.execute("select distinct event_type from intermediate.int_events__from_hubspot").fetchall()
    assert {kind for (kind,) in kinds} == {
        "contact_upserted",
        "contacts_merged",
        "consent_given",
        "consent_withdrawn",
        "email_bounced",
        "form_submitted",
        "reply_received",
    }
    (falling_due,) = warehouse.execute(
        "select count(*) from intermediate.int_events__from_hubspot where event_type = 'consent_given'"
        " and text_version is not null and occurred_text between %s and %s",
        (instant_text(datetime(2024, 3, 3, tzinfo=UTC)), instant_text(datetime(2024, 5, 1, tzinfo=UTC))),
    ).fetchone() or (0,)
    assert falling_due > 0
