"""What stands after daily builds is what a full build makes of the same records, row for row, in every table."""

import json
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from optkeeper import daily, transform
from optkeeper.gate import ledger, scope
from optkeeper.gate.report import GateReport, StatementResult
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.status.another_world import worlds_of
from optkeeper.status.decisions import Scope, Standing
from optkeeper.status.subject import read
from optkeeper.warehouse import embedded
from optkeeper.warehouse.publish import PublicationRefused, publish

from expectations import statements
from tests.daily.happenings import Event, days, happenings, portions
from tests.road.road import Road

_DAYS = 8
_JUDGED_FOR = datetime(2025, 7, 6, tzinfo=UTC)


def _land(road_: Road, events: Sequence[Event]) -> None:
    with road_.connected() as connection:
        for source in sorted({event["source"] for event in events}):
            lines = [json.dumps(event).encode() + b"\n" for event in events if event["source"] == source]
            Landing(connection, source).land(read_events(iter(lines), "events", source))


def _consent(person: str, event_id: str, source: str = "web") -> Event:
    return {
        "event_id": event_id, "source": source, "type": "consent_given", "occurred_at": "2025-06-01T10:00:00Z",
        "contact": {"email": f"{person}@noord.example"},
        "evidence": {"method": "form", "form_url": "https://noord.example/a", "text_version": "noord-all-v1"},
    }  # fmt: skip


def _withdrawal(person: str, event_id: str) -> Event:
    return {
        "event_id": event_id, "source": "web", "type": "consent_withdrawn", "occurred_at": "2025-07-01T10:00:00Z",
        "contact": {"email": f"{person}@noord.example"},
    }  # fmt: skip


def _reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why each build that built everything did so."""
    return [
        str(record.args[0]) for record in caplog.records if record.args and record.msg.startswith("everything is built")
    ]


def _build(road_: Road, run_id: str, as_of: datetime) -> None:
    transform.build(run_id, as_of, address=road_.address, work_folder=road_.work)


@pytest.mark.parametrize("seed", [1])
def test_days_that_bring_anything_come_to_what_a_full_build_makes(
    travelled: Road, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = random.Random(seed)
    events = happenings(600, drawn)
    with caplog.at_level("INFO", logger="optkeeper"):
        for number, (portion, as_of) in enumerate(zip(portions(events, _DAYS, drawn), days(_DAYS, drawn), strict=True)):
            _land(travelled, portion)
            _build(travelled, f"run-{number}", as_of)
    assert _reasons(caplog) == ["no build stands whole"]
    transform.compare(address=travelled.address, work_folder=travelled.work)


def test_what_is_built_as_it_stands_is_not_written_again(travelled: Road) -> None:
    _land(travelled, [_consent("ann", "c1"), _consent("ben", "c2")])
    _build(travelled, "first", datetime(2025, 7, 3, tzinfo=UTC))
    before = _places(travelled, "web/c1")
    _land(
        travelled,
        [
            {
                "event_id": "k1", "source": "esp", "type": "link_clicked", "occurred_at": "2025-07-03T10:00:00Z",
                "contact": {"email": "ann@noord.example"}, "link": "https://noord.example/a",
            }
        ],
    )  # fmt: skip
    _build(travelled, "second", datetime(2025, 7, 4, tzinfo=UTC))
    assert all(_places(travelled, "esp/k1")[name] for name in ("int_events__judged", "int_identity__resolved"))
    assert before["int_permissions__consents"]
    assert _places(travelled, "web/c1") == before


def _places(road_: Road, event_key: str) -> dict[str, list[str]]:
    """Where the rows of an event stand, which move when they are written again."""
    with road_.connected() as connection:
        return {
            name: [
                place
                for (place,) in connection.execute(
                    f"select cast(ctid as text) from intermediate.{name} where event_key = %s order by 1".encode(),
                    (event_key,),
                ).fetchall()
            ]
            for name in ("int_events__judged", "int_identity__resolved", "int_permissions__consents")
        }


def test_every_text_compares_as_the_database_does_and_so_is_looked_up_by_any_index(travelled: Road) -> None:
    _build(travelled, "empty", datetime(2025, 7, 3, tzinfo=UTC))
    with travelled.connected() as connection:
        columns = connection.execute(
            "select attrelid::regclass::text, attname, collname from pg_attribute"
            " inner join pg_class on pg_class.oid = attrelid inner join pg_collation on pg_collation.oid = attcollation"
            " where relnamespace in ('intermediate'::regnamespace, 'candidate'::regnamespace) and attnum > 0"
            " and atttypid = 'text'::regtype"
        ).fetchall()
    assert len(columns) > 500
    assert [column for column in columns if column[2] != "default"] == []


def test_after_a_full_build_the_rows_of_a_contact_lie_together(travelled: Road) -> None:
    _land(travelled, happenings(300, random.Random(5)))
    _build(travelled, "first", datetime(2025, 11, 1, tzinfo=UTC))
    of_contacts = (
        "candidate.consent_timeline", "candidate.decisions", "candidate.suppressions", "candidate.contact_points",
        "intermediate.int_timeline__intervals", "intermediate.int_permissions__consents",
        "intermediate.int_identity__resolved",
    )  # fmt: skip
    with travelled.connected() as connection:
        for table in of_contacts:
            row = connection.execute(
                "select count(*), count(distinct contact_id), count(*) filter (where contact_id is distinct from before)"
                " from (select contact_id, lag(contact_id) over (order by ctid) as before"
                f" from {table}) as in_their_places".encode()
            ).fetchone()
            assert row is not None
            rows, contacts, begun = row
            assert rows > contacts > 1, table
            assert begun == contacts, table


def test_what_decides_nothing_changes_nothing_where_all_of_it_is_read(travelled: Road) -> None:
    """The project's build reads of mails sent and opened the first and the last that are told alike; another reads all."""
    events = happenings(700, random.Random(7))
    _land(travelled, events)
    as_of = datetime(2025, 11, 1, tzinfo=UTC)
    _build(travelled, "few", as_of)
    marts = _rows(travelled)
    few = _count(travelled, "known")
    kinds = travelled.seeds / "event_types.csv"
    kinds.write_text(re.sub(r"^(email_\w+,activity,false,false),false", r"\1,true", kinds.read_text(), flags=re.M))
    transform.build("all", as_of, address=travelled.address, work_folder=travelled.work, full=True)
    assert few < _count(travelled, "known") - 50
    assert _rows(travelled) == marts


def _count(road_: Road, name: str) -> int:
    with road_.connected() as connection:
        row = connection.execute(f"select count(*) from intermediate.int_events__{name}".encode()).fetchone()
    assert row is not None
    return int(row[0])


# a mail to a filler's address tells of nobody, and each is somebody by itself: so many as are read
_NOBODY = """
select resolved.contact_id from intermediate.int_identity__resolved as resolved
inner join intermediate.int_identity__keyed as keyed using (world_id, event_key)
group by resolved.contact_id
having bool_and(keyed.node like 'event:%' and keyed.event_type in ('email_delivered', 'email_opened'))
"""


def _rows(road_: Road) -> dict[str, list[str]]:
    """All that is decided, and of whom."""
    with road_.connected() as connection:
        columns = connection.execute(
            "select table_name, bool_or(column_name = 'contact_id') from information_schema.columns"
            " where table_schema = 'candidate' and table_name not in ('consent_events', 'builds', 'source_freshness')"
            " group by table_name"
        ).fetchall()
        assert len(columns) > 12
        found = {}
        for table, is_of_contacts in columns:
            which = f"where contact_id not in ({_NOBODY})" if is_of_contacts else ""
            query = f"select cast(to_jsonb(mart) as text) from candidate.{table} as mart {which} order by 1"
            found[table] = [row for (row,) in connection.execute(query.encode()).fetchall()]
    return found


def test_a_killed_build_is_made_again_and_a_row_that_a_full_build_would_not_make_is_found(
    travelled: Road, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = datetime(2025, 7, 3, tzinfo=UTC)
    with caplog.at_level("INFO", logger="optkeeper"):
        _land(travelled, [_consent("anna", "a1")])
        _build(travelled, "first", first)
        _land(travelled, [_consent("bram", "b1")])
        for step, later in (("take_over", False), ("_compare", False), ("_compare", True), ("_insert_come", True)):
            _killed_at(daily, step, monkeypatch, travelled, later=later)
            assert _marketable(travelled) == {"anna@noord.example"}
        _killed_at(daily, "clear", monkeypatch, travelled, later=True)
        with travelled.connected() as connection, pytest.raises(PublicationRefused):
            publish(connection, "killed")
        _build(travelled, "second", first + timedelta(days=2))
    assert _marketable(travelled) == {"anna@noord.example", "bram@noord.example"}
    assert _reasons(caplog) == ["no build stands whole"]
    transform.compare(address=travelled.address, work_folder=travelled.work)
    with travelled.connected() as connection:
        connection.execute("update intermediate.int_identity__resolved set is_role_email = true")
    with pytest.raises(transform.RebuildDiffers, match=r"intermediate\.int_identity__resolved: 2 too many, 2 lacking$"):
        transform.compare(address=travelled.address, work_folder=travelled.work)


def test_after_a_crash_of_the_server_nothing_stands_and_everything_is_built(
    travelled: Road, caplog: pytest.LogCaptureFixture
) -> None:
    first = datetime(2025, 7, 3, tzinfo=UTC)
    with caplog.at_level("INFO", logger="optkeeper"):
        _land(travelled, [_consent("anna", "a1"), _consent("bram", "b1")])
        _build(travelled, "first", first)
        _publish(travelled, "first")
        _build(travelled, "crashed", first + timedelta(days=1))
        _crash(travelled)
        with travelled.connected() as connection:
            with pytest.raises(PublicationRefused, match="no candidate marts, as after a server's crash; build again"):
                publish(connection, "crashed")
            published = connection.execute("select address from marts.marketable_contacts").fetchall()
            # a world of no events would answer that nothing is known
            with (
                pytest.raises(transform.NothingStands, match="since the server crashed"),
                worlds_of(
                    connection, travelled.address, [read("anna@noord.example")], Scope(), [Standing(first, first)]
                ),
            ):
                pass
        with pytest.raises(transform.NothingStands):
            transform.compare(address=travelled.address, work_folder=travelled.work)
        assert {address for (address,) in published} == {"anna@noord.example", "bram@noord.example"}
        _land(travelled, [_withdrawal("anna", "a2")])
        _build(travelled, "second", first + timedelta(days=2))
    assert _reasons(caplog) == ["no build stands whole", "no build stands whole"]
    assert _marketable(travelled) == {"bram@noord.example"}
    _publish(travelled, "second")
    assert _published_otherwise(travelled) == set()


def _crash(road_: Road) -> None:
    """The server ends without a word, and comes back."""
    data = (road_.work / "pg").resolve()
    server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    members = [server, *server.children(recursive=True)]
    server.kill()
    psutil.wait_procs(members, timeout=30)
    embedded.url("postgres", data)


def test_a_publication_after_daily_builds_writes_what_they_replaced(travelled: Road) -> None:
    first = datetime(2025, 7, 3, tzinfo=UTC)
    _land(travelled, [_consent("anna", "a1"), _consent("bram", "b1")])
    _build(travelled, "first", first)
    _publish(travelled, "first")
    _land(travelled, [_consent("cato", "c1")])
    _build(travelled, "not published", first + timedelta(days=1))
    _land(travelled, [_withdrawal("anna", "a2")])
    _build(travelled, "second", first + timedelta(days=2))
    # a row that no build replaced: only a publication that compares all of them finds that it differs
    _change_published(travelled, "bram@noord.example")
    _publish(travelled, "second")
    assert _published_otherwise(travelled) == {"bram@noord.example"}
    with travelled.connected() as connection:
        daily.publish_all(connection)
    _publish(travelled, "second")
    assert _published_otherwise(travelled) == set()
    _change_published(travelled, "bram@noord.example")
    transform.build("all", first + timedelta(days=2), address=travelled.address, work_folder=travelled.work, full=True)
    _publish(travelled, "all")
    assert _published_otherwise(travelled) == set()


def test_a_contact_falls_asleep_on_its_day_though_nothing_has_landed(
    travelled: Road, caplog: pytest.LogCaptureFixture
) -> None:
    last_day_awake = datetime(2026, 6, 1, 12, tzinfo=UTC)
    with caplog.at_level("INFO", logger="optkeeper"):
        _land(travelled, [_consent("anna", "a1"), _consent("bram", "b1") | {"occurred_at": "2025-06-02T10:00:00Z"}])
        _build(travelled, "awake", last_day_awake)
        assert _lifecycles(travelled) == ["active", "active"]
        _build(travelled, "asleep", last_day_awake + timedelta(days=1))
    assert _lifecycles(travelled) == ["active", "sleeping"]
    assert _reasons(caplog) == ["no build stands whole"]
    transform.compare(address=travelled.address, work_folder=travelled.work)


def test_who_redirects_still_does_when_the_contact_that_holds_the_record_changes(travelled: Road) -> None:
    first = datetime(2025, 7, 3, tzinfo=UTC)
    _land(travelled, [_record("anna", "a1"), _record("bram", "b1"), _consent("anna", "a2"), _consent("bram", "b2")])
    _build(travelled, "first", first)
    _publish(travelled, "first")
    merged = {
        "event_id": "m1", "source": "crm", "type": "contacts_merged", "occurred_at": "2025-07-02T10:00:00Z",
        "contact": {"source_contact_id": "anna"}, "refers_to": {"source": "crm", "source_contact_id": "bram"},
    }  # fmt: skip
    _land(travelled, [merged])
    _build(travelled, "merged", first + timedelta(days=1))
    redirects = _redirects(travelled)
    assert len(redirects) == 1
    _publish(travelled, "merged")
    _land(travelled, [_withdrawal("anna", "a3")])
    _build(travelled, "withdrawn", first + timedelta(days=2))
    assert _redirects(travelled) == redirects
    transform.compare(address=travelled.address, work_folder=travelled.work)


def _record(person: str, event_id: str) -> Event:
    return {
        "event_id": event_id, "source": "crm", "type": "contact_upserted", "occurred_at": "2025-06-01T09:00:00Z",
        "contact": {"source_contact_id": person, "email": f"{person}@noord.example"},
    }  # fmt: skip


def _lifecycles(road_: Road) -> list[str]:
    with road_.connected() as connection:
        return [row[0] for row in connection.execute("select lifecycle from candidate.contacts order by 1")]


def _redirects(road_: Road) -> list[tuple[str, str]]:
    with road_.connected() as connection:
        return connection.execute("select contact_id, redirects_to from candidate.contact_redirects").fetchall()


def test_the_gate_judges_after_a_daily_build_whom_it_replaced(travelled: Road) -> None:
    first = datetime(2025, 7, 3, tzinfo=UTC)
    _land(travelled, [_consent("anna", "a1"), _consent("bram", "b1")])
    _build(travelled, "first", first)
    _publish(travelled, "first")
    _land(travelled, [_withdrawal("anna", "a2"), _consent("cato", "c1")])
    _build(travelled, "second", first + timedelta(days=1))
    with travelled.connected() as connection:
        ledger.begin(connection, "second", _JUDGED_FOR)
        with scope.changed(connection, "second"):
            judged = connection.execute("select address from changed.contact_points where channel = 'email'").fetchall()
            listed = connection.execute("select distinct address from changed.marketable_contacts").fetchall()
            of_contacts = [statement for statement in statements() if statement.by_contact]
            violated = [
                statement.__name__
                for statement in of_contacts
                if connection.execute(statement.sql(changed=True).encode()).fetchall()
            ]
    assert {address for (address,) in judged} == {"anna@noord.example", "cato@noord.example"}
    assert {address for (address,) in listed} == {"cato@noord.example"}
    assert violated == []


def _publish(road_: Road, run_id: str) -> None:
    """Publishes what the gate let pass; what it judges is asked elsewhere."""
    with road_.connected() as connection:
        ledger.ensure_gate(connection)
        began = ledger.begin(connection, run_id, _JUDGED_FOR)
        passed = StatementResult("Everything", "Everything holds.", "candidate.decisions", "critical", 0)
        ledger.close(connection, GateReport(run_id, _JUDGED_FOR, began, (passed,), road_.work))
        publish(connection, run_id)


def _change_published(road_: Road, address: str) -> None:
    with road_.connected() as connection:
        changed = "update published.decisions set anchored_on = anchored_on - 1 where address = %s and marketable"
        assert connection.execute(changed.encode(), (address,)).rowcount > 0


def _published_otherwise(road_: Road) -> set[str]:
    """The addresses of rows of which the published marts do not hold what the candidate holds."""
    found = set()
    with road_.connected() as connection:
        for name in (*daily.MARTS_BY_CONTACT, daily.MART_BY_ADDRESS):
            differ = (
                f"(table marts.{name} except table candidate.{name})"
                f" union all (table candidate.{name} except table marts.{name})"
            )
            rows = connection.execute(f"select to_jsonb(differ) ->> 'address' from ({differ}) as differ".encode())
            found |= {str(address) for (address,) in rows.fetchall()}
    return found


class _Killed(BaseException):
    pass


def _killed_at(module: Any, name: str, monkeypatch: pytest.MonkeyPatch, road_: Road, *, later: bool = False) -> None:
    """A build that ends, without a chance to tidy up, when it comes to a step, or when it comes to it once more."""
    steps: list[str] = []
    passed = getattr(module, name)

    def step(*arguments: Any, **named: Any) -> Any:
        steps.append(name)
        if not later or len(steps) > 1:
            raise _Killed
        return passed(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, step)
        with pytest.raises(_Killed):
            _build(road_, "killed", datetime(2025, 7, 4, tzinfo=UTC))


def _marketable(road_: Road) -> set[str]:
    with road_.connected() as connection:
        return {address for (address,) in connection.execute("select address from candidate.marketable_contacts")}
