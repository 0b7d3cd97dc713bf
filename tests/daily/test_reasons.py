"""When is what changed not enough, so that everything is built?"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import daily, settings
from optkeeper.warehouse import database

# a morning in Amsterdam
BEFORE = daily.State(
    "before", datetime(2026, 8, 30, 4, tzinfo=UTC), datetime(2026, 8, 30, 4, tzinfo=UTC), 7, "p", "c", 0, 0
)
NOW = replace(BEFORE, run_id="now", as_of=datetime(2026, 8, 31, 4, tzinfo=UTC), records_through=9)


@pytest.fixture
def connection(warehouse_url: str) -> Iterator[psycopg.Connection[Any]]:
    with database.connect(warehouse_url) as connection:
        connection.execute(
            "create schema registry; create table registry.policy (key text, valid_from date, valid_to date)"
        )
        yield connection


def test_of_a_day_that_brings_records_what_changed_is_built(connection: psycopg.Connection[Any]) -> None:
    assert daily.reason_for_all(connection, BEFORE, NOW) is None
    assert daily.reason_for_all(connection, BEFORE, replace(NOW, as_of=BEFORE.as_of)) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"code_version": "d"}, "the models have changed"),
        ({"policy_version": "q"}, "the policy or a registry has changed"),
        ({"as_of": datetime(2026, 8, 30, 3, tzinfo=UTC)}, "the business moment lies before that of the standing build"),
        ({"erasures": 1}, "records were erased"),
        ({"restores": 1}, "the warehouse was restored"),
    ],
)
def test_what_changes_more_than_contacts_builds_everything(
    connection: psycopg.Connection[Any], changed: dict[str, Any], reason: str
) -> None:
    assert daily.reason_for_all(connection, BEFORE, replace(NOW, **changed)) == reason


@pytest.mark.parametrize(
    ("file", "is_another"),
    [
        ("seeds/event_types.csv", True),
        ("models/events/int_events__known.sql", True),
        ("macros/told_alike.sql", True),
        ("seeds/policy/policy.csv", False),
        ("target/compiled/model.sql", False),
    ],
)
def test_the_code_is_another_with_its_models_and_its_own_seeds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, is_another: bool
) -> None:
    project = tmp_path / "project"
    for part in ("models/events", "macros", "seeds"):
        shutil.copytree(settings.DBT_PROJECT / part, project / part)
    monkeypatch.setattr(settings, "DBT_PROJECT", project)
    before = daily.code_version()
    changed = project / file
    changed.parent.mkdir(parents=True, exist_ok=True)
    with changed.open("a") as lines:
        lines.write("\n")
    assert (daily.code_version() != before) == is_another


def test_a_mart_is_made_anew_before_it_can_be_given_no_more_days(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create schema candidate; create table candidate.decisions (contact_id text)")
    reasons = []
    for days in (1_498, 1):
        connection.execute(
            f"""
            do $$ begin
                for day in 1..{days} loop
                    alter table candidate.decisions add column decided_on date not null default '2026-08-30';
                    alter table candidate.decisions drop column decided_on;
                end loop;
            end $$
            """
        )
        reasons.append(daily.reason_for_all(connection, BEFORE, NOW))
    assert reasons == [None, "a mart has been given as many days as a table can be"]


def test_without_a_build_that_stands_everything_is_built(connection: psycopg.Connection[Any]) -> None:
    assert daily.reason_for_all(connection, None, NOW) == "no build stands whole"


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "has_come"),
    [
        ("2026-08-31", None, True),  # its first day is the day decided for
        ("2026-09-01", None, False),
        ("2026-08-29", None, False),
        ("2020-01-01", "2026-08-30", True),  # its last day was the day before
        ("2020-01-01", "2026-09-01", False),
        ("2020-01-01", "2026-08-29", False),
    ],
)
def test_a_date_of_a_registry_has_come_on_its_day_and_on_the_day_after(
    connection: psycopg.Connection[Any], valid_from: str, valid_to: str | None, has_come: bool
) -> None:
    connection.execute("insert into registry.policy values ('k', %s, %s)", (valid_from, valid_to))
    told = daily.reason_for_all(connection, BEFORE, NOW)
    assert told == ("a date of the registry policy has come" if has_come else None)


def test_of_another_moment_of_the_same_day_no_date_has_come(connection: psycopg.Connection[Any]) -> None:
    connection.execute("insert into registry.policy values ('k', '2026-08-30', '2026-08-30')")
    later = replace(NOW, as_of=BEFORE.as_of + timedelta(hours=6))
    assert daily.reason_for_all(connection, BEFORE, later) is None


def test_the_day_is_that_of_the_business_and_not_of_greenwich(connection: psycopg.Connection[Any]) -> None:
    connection.execute("insert into registry.policy values ('k', '2026-08-31', null)")
    late = replace(NOW, as_of=datetime(2026, 8, 30, 22, 30, tzinfo=UTC))  # half past midnight in Amsterdam
    assert daily.reason_for_all(connection, BEFORE, late) == "a date of the registry policy has come"
