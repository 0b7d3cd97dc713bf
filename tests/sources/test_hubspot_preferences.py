"""Who is subscribed to what is asked for until HubSpot has said it of everybody, in whichever way the account allows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from optkeeper.registry import RegisteredSource, pulled_source
from optkeeper.samples.hubspot import NEWSLETTER, Fault, HubSpotServer
from optkeeper.sources.http import SourceError
from optkeeper.sources.hubspot import ARCHIVED_CONTACTS, CONTACTS
from optkeeper.sources.hubspot_preferences import SUBSCRIPTION_STATUSES

from tests.sources.kept import MORNING, YESTERDAY, Kept, fill, source_of


@pytest.fixture
def crm() -> RegisteredSource:
    return pulled_source("crm")


def account_of(contacts: int, **plan: Any) -> tuple[HubSpotServer, list[str]]:
    account = HubSpotServer(**plan)
    account.define_subscription(NEWSLETTER, "Nieuwsbrief", at=YESTERDAY)
    return account, fill(account, contacts)


def asked_one_by_one(account: HubSpotServer) -> int:
    return sum(1 for method, path, _, _ in account.requests if method == "GET" and "/statuses/" in path)


def test_an_account_that_may_not_ask_in_batches_is_asked_one_by_one(crm: RegisteredSource) -> None:
    account, ids = account_of(70, has_batch_statuses=False)
    kept = Kept()
    with account:
        kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(SUBSCRIPTION_STATUSES) == [f"{id_}/{NEWSLETTER}" for id_ in ids]
    assert asked_one_by_one(account) == 70
    assert sum(1 for _, path, _, _ in account.requests if path.endswith("/statuses/batch/read")) == 1
    assert kept.broken == []


@pytest.mark.parametrize("refused", [(0,), (49,), (7, 8), (3, 20, 48)])
def test_an_address_that_is_refused_leaves_the_others_of_its_batch(
    crm: RegisteredSource, refused: tuple[int, ...]
) -> None:
    account, ids = account_of(50, refused_addresses=[f"p{number}@firma.example" for number in refused])
    kept = Kept()
    with account:
        kept.take(source_of(account, crm).pull(kept))
    answered = [id_ for number, id_ in enumerate(ids) if number not in refused]
    assert kept.ids(SUBSCRIPTION_STATUSES) == [f"{id_}/{NEWSLETTER}" for id_ in answered]
    assert [(one.object, one.field) for one in kept.broken] == [
        (SUBSCRIPTION_STATUSES, "subscriberIdString") for _ in refused
    ]
    assert not any("@" in one.detail or "@" in one.position for one in kept.broken)


def test_an_address_that_a_batch_leaves_out_is_asked_for_by_itself(crm: RegisteredSource) -> None:
    account, ids = account_of(40, left_out_addresses=["p3@firma.example", "p39@firma.example"])
    kept = Kept()
    with account:
        kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(SUBSCRIPTION_STATUSES) == [f"{id_}/{NEWSLETTER}" for id_ in ids]
    assert asked_one_by_one(account) == 2


def test_a_question_that_is_refused_for_everybody_ends_the_pull(crm: RegisteredSource) -> None:
    account, _ = account_of(30, refused_addresses=[f"p{number}@firma.example" for number in range(30)])
    with account, pytest.raises(SourceError, match="refused 10 addresses in a row") as told:
        Kept().take(source_of(account, crm).pull(Kept()))
    assert "@" not in str(told.value)


def test_a_token_without_the_scope_is_told_which_one_it_needs(crm: RegisteredSource) -> None:
    account, _ = account_of(1, has_batch_statuses=False)
    account.inject(Fault(403, path="p0%40firma.example"))
    with account, pytest.raises(SourceError, match=r"needs the scope communication_preferences\.read") as told:
        Kept().take(source_of(account, crm).pull(Kept()))
    assert "firma" not in str(told.value)


def test_the_statuses_of_archived_contacts_are_asked_for(crm: RegisteredSource) -> None:
    account, ids = account_of(60)
    with account:
        account.set_status("p5@firma.example", NEWSLETTER, "UNSUBSCRIBED", at=YESTERDAY)
        account.archive_contact(ids[5], at=YESTERDAY)
        kept = Kept()
        kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(ARCHIVED_CONTACTS) == [ids[5]]
    assert len(kept.ids(SUBSCRIPTION_STATUSES)) == 60
    statuses = [row for (name, id_, _), row in kept.rows.items() if id_ == f"{ids[5]}/{NEWSLETTER}"]
    assert [row["status"] for row in statuses] == ["UNSUBSCRIBED"]


@pytest.mark.parametrize("days", [1, 7])
def test_statuses_are_read_anew_at_the_registry_s_interval(crm: RegisteredSource, days: int) -> None:
    account, ids = account_of(120)
    every = replace(crm, status_reread_days=days)
    kept = Kept()
    with account:
        account.update_contact(ids[3], {"hs_additional_emails": "extra@firma.example"}, at=YESTERDAY)
        kept.take(source_of(account, every).pull(kept))
        # no contact's record changes
        account.set_status("extra@firma.example", NEWSLETTER, "UNSUBSCRIBED", at=MORNING + timedelta(hours=1))

        def read(after: timedelta) -> list[str]:
            kept.take(source_of(account, every, now=MORNING + after).pull(kept))
            rows = (row for (name, _, _), row in kept.rows.items() if name == SUBSCRIPTION_STATUSES)
            return [row["subscriberIdString"] for row in rows if row["status"] == "UNSUBSCRIBED"]

        assert read(timedelta(days=days) - timedelta(minutes=1)) == []
        assert read(timedelta(days=days)) == ["extra@firma.example"]
    assert [kept.listed[one] for one in kept.ended] == [set(ids), set(ids)]


def test_statuses_that_no_interval_is_set_for_are_read_with_their_contacts_alone(crm: RegisteredSource) -> None:
    account, _ = account_of(3)
    never = replace(crm, status_reread_days=None)
    kept = Kept()
    with account:
        kept.take(source_of(account, never).pull(kept))
        account.requests.clear()
        kept.take(source_of(account, never, now=MORNING + timedelta(days=999)).pull(kept))
    assert not [path for _, path, _, _ in account.requests if path.endswith("/statuses/batch/read")]


@pytest.mark.parametrize("killed_after", [1, 60, 120, 240])
def test_a_reading_anew_that_is_killed_goes_on(crm: RegisteredSource, killed_after: int) -> None:
    account, ids = account_of(230)
    kept = Kept()
    later = MORNING + timedelta(days=30)
    with account:
        kept.take(source_of(account, crm).pull(kept))
        for number in range(230):
            account.set_status(f"p{number}@firma.example", NEWSLETTER, "UNSUBSCRIBED", at=YESTERDAY - timedelta(days=1))
        kept.take(source_of(account, crm, now=later).pull(kept), killed_after=killed_after)
        account.requests.clear()
        kept.take(source_of(account, crm, now=later + timedelta(hours=1)).pull(kept))
    told = [row for (name, _, _), row in kept.rows.items() if name == SUBSCRIPTION_STATUSES]
    assert sum(1 for row in told if row["status"] == "UNSUBSCRIBED") == 230
    assert kept.listed[kept.ended[-1]] == set(ids)
    pages = [query for _, path, query, _ in account.requests if path.endswith("/objects/contacts")]
    assert ("after" in pages[0]) is (killed_after >= 120)


def test_a_first_load_whose_place_is_no_longer_known_begins_anew(crm: RegisteredSource) -> None:
    account, ids = account_of(120)
    kept = Kept()
    with account:
        kept.take(source_of(account, crm).pull(kept), killed_after=120)
        assert "after" in kept.cursors["contacts"]
        account.inject(Fault(400, path="/objects/contacts"))
        kept.take(source_of(account, crm).pull(kept))
    assert kept.ids(CONTACTS) == ids


def test_a_list_that_is_refused_is_an_error(crm: RegisteredSource) -> None:
    account, _ = account_of(1)
    account.inject(Fault(400, path="/objects/contacts"))
    with account, pytest.raises(SourceError, match="refused with status 400"):
        Kept().take(source_of(account, crm).pull(Kept()))
