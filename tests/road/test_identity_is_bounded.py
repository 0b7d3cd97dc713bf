"""R35: a key that binds more records than a person can have links nobody; a long chain costs no square."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.road.road import Road, road

AT = "2026-01-10T10:00:00+01:00"
CROWD = 20_000


def _record(number: int, source: str = "crm", **contact: Any) -> dict[str, Any]:
    return {
        "event_id": f"{source}-{number}", "source": source, "type": "contact_upserted", "occurred_at": AT, "received_at": AT,
        "contact": contact,
    }  # fmt: skip


def _merge(number: int) -> dict[str, Any]:
    record = _record(number, "service", source_contact_id=f"c{number}")
    refers_to = {"source": "service", "source_contact_id": f"c{number + 1}"}
    return record | {"event_id": f"m-{number}", "type": "contacts_merged", "refers_to": refers_to}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Road]:
    filler = [_record(n, source_contact_id=f"a{n}", email="geen@noord.example") for n in range(CROWD)]
    no_id = [_record(n, "shop", source_contact_id="0", email=f"p{n}@noord.example") for n in range(CROWD)]
    chain = [_merge(n) for n in range(3_000)]
    with pytest.MonkeyPatch.context() as patch, road(patch) as travelled:
        travelled.events([*filler, *no_id, *chain])
        yield travelled


def test_a_filler_address_of_twenty_thousand_records_links_nobody_and_costs_no_square(crowd: Road) -> None:
    started = time.perf_counter()
    crowd.build()
    assert time.perf_counter() - started < 120
    with crowd.connected() as connection:
        overloaded = connection.execute(
            "select kind, records from intermediate.int_identity__overloaded_keys order by kind"
        ).fetchall()
        contacts = connection.execute(
            "select split_part(event_key, '/', 1), count(distinct contact_id) from intermediate.int_identity__resolved"
            " group by 1 order by 1"
        ).fetchall()
    assert overloaded == [("contact", CROWD), ("email", CROWD)]
    # of a long chain of merges all records are one contact
    assert contacts == [("crm", CROWD), ("service", 1), ("shop", CROWD)]
