import gzip
import io
import itertools
import json
import os
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optkeeper import registry
from optkeeper.landing import document
from optkeeper.landing.land import Landing, LandingCounts
from optkeeper.registry import RegisteredSource
from optkeeper.sources import canonical_feed
from optkeeper.sources.canonical_feed import CanonicalFeed, read_events
from optkeeper.sources.stream import Broken, ConnectionDetails, FileTaken, Population, RawAddress, Received, StreamItem

Connection = psycopg.Connection[Any]
WEB = RegisteredSource(
    source="web", kind="web_form", party="first_party", vendor="", brand="noord", timezone="Europe/Amsterdam",
    connector="canonical_feed", connection_id="optkeeper_web", owner="data-engineering", max_age_hours=26,
    max_drop_percent=30,
)  # fmt: skip


def _event(number: int = 1, **fields: Any) -> dict[str, Any]:
    event = {"event_id": f"e-{number}", "source": "web", "type": "consent_given", "occurred_at": "2026-03-02T10:00:00"}
    event["contact"] = {"email": f"p{number}@a.example"}
    return {**event, **fields}


def _line(number: int = 1, **fields: Any) -> bytes:
    return json.dumps(_event(number, **fields)).encode() + b"\n"


def _one(line: bytes, source: str | None = "web") -> Received | Broken:
    (item,) = read_events([line], "feed.jsonl", source)
    return item


def _broken(line: bytes, source: str | None = "web") -> Broken:
    item = _one(line, source)
    assert isinstance(item, Broken)
    assert (item.object, item.position, item.raw) == ("canonical.events", "feed.jsonl:1", line.rstrip(b"\r\n"))
    return item


def test_an_event_is_received_as_it_was_said_with_its_addresses() -> None:
    item = _one(_line(contact={"email": "Anna@A.example ", "phone": "020 1234567", "country": "de"}, of_their_own=[1]))
    assert isinstance(item, Received)
    assert (item.object, item.source_id, item.batch) == ("canonical.events", "e-1", None)
    assert item.payload["of_their_own"] == [1]
    assert item.payload["contact"]["email"] == "Anna@A.example "
    assert item.addresses == (RawAddress("email", "Anna@A.example "), RawAddress("phone", "020 1234567", "DE"))


def test_an_address_keeps_its_spelling_by_which_its_compared_form_is_found() -> None:
    item = _one(_line(contact={"email": " anna@bücher.example\t", "phone": " 020 300 0001", "country": " nl"}))
    assert isinstance(item, Received)
    assert item.addresses == (
        RawAddress("email", " anna@bücher.example\t"),
        RawAddress("phone", " 020 300 0001", "NL"),
    )


def test_a_number_stays_as_exact_as_it_was_written() -> None:
    item = _one(b'{"event_id":"1","source":"web","type":"visit","n":0.1000000000000000000001,"i":12345678901234567890}')
    assert isinstance(item, Received)
    assert str(item.payload["n"]) == "0.1000000000000000000001"
    assert item.payload["i"] == 12345678901234567890


def test_an_event_needs_neither_contact_nor_moment() -> None:
    for fields in (
        {},
        {"contact": None, "occurred_at": None},
        {"contact": {"email": None, "phone": "", "postal": None}},
    ):
        item = _one(json.dumps({"event_id": "1", "source": "web", "type": "consent_revoked", **fields}).encode())
        assert isinstance(item, Received)
        assert item.addresses == ()


@pytest.mark.parametrize(
    "moment",
    ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00.123456789+01:00", "2026-03-02T10:00:00-0500", "2026-03-02 10:00",
     "2026-03-02T10:00:00", "2026-03-02", "9999-12-31T23:59:59Z", "1970-01-01", "2024-02-29", "2016-12-31T23:59:60Z",
     "2026-03-02t10:00:00z", " 2026-03-02 "],
)  # fmt: skip
def test_a_moment_may_be_rfc_3339_or_local_or_a_date(moment: str) -> None:
    assert isinstance(_one(_line(occurred_at=moment)), Received)


@pytest.mark.parametrize(
    "moment",
    ["soon", "31-08-2026", "2026-02-30", "2026-13-01T00:00:00Z", "2026-W10-1", "20260302", "2026-03-02T25:00:00Z",
     "1772445600", "10000-01-01", "2026-03-02T10", "2026-03-02T10:00:00Z; x", " ", "２０２６-03-02"],
)  # fmt: skip
@pytest.mark.parametrize("field", ["occurred_at", "received_at"])
def test_a_moment_that_is_none_is_quarantined(field: str, moment: str) -> None:
    broken = _broken(_line(**{field: moment}))
    assert (broken.reason, broken.field) == ("malformed_timestamp", field)


@pytest.mark.parametrize("moment", [" 2026-03-02T10:00:00Z", "2016-12-31T23:59:60Z", "2026-03-02T10:00:00+99:00"])
def test_a_receipt_that_landing_could_not_read_is_quarantined(moment: str) -> None:
    broken = _broken(_line(received_at=moment))
    assert (broken.reason, broken.field) == ("malformed_timestamp", "received_at")


@pytest.mark.parametrize(
    "text", [b"{", b'{"event_id": "1", "source": "we', b"nonsense", b'{"a": "\xff"}', b"[" * 100_000]
)
def test_a_line_that_is_no_whole_json_is_quarantined(text: bytes) -> None:
    assert _broken(text).reason == "malformed_json"


@pytest.mark.parametrize("text", [b"[]", b"1", b'"text"', b"null"])
def test_a_line_that_is_no_object_is_quarantined(text: bytes) -> None:
    assert _broken(text).reason == "wrong_type"


@pytest.mark.parametrize("field", ["event_id", "source", "type"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_required_field_that_is_absent_or_empty_is_quarantined(field: str, value: str | None) -> None:
    broken = _broken(_line(**{field: value}))
    assert (broken.reason, broken.field) == ("missing_field", field)
    absent = _event()
    del absent[field]
    assert _broken(json.dumps(absent).encode()).reason == "missing_field"


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"event_id": 7}, "event_id"), ({"type": []}, "type"), ({"occurred_at": 1772445600}, "occurred_at"),
     ({"contact": "anna"}, "contact"), ({"contact": []}, "contact"), ({"contact": {"email": ["a"]}}, "contact.email"),
     ({"contact": {"phone": 31201234567}}, "contact.phone"), ({"contact": {"country": 1}}, "contact.country"),
     ({"contact": {"postal": "1000 AB"}}, "contact.postal"),
     ({"contact": {"postal": {"house_number": 7}}}, "contact.postal.house_number"),
     ({"evidence": [1]}, "evidence"), ({"evidence": {"text_version": {}}}, "evidence.text_version"),
     ({"refers_to": "e-1"}, "refers_to"), ({"refers_to": {"batch": 3}}, "refers_to.batch"),
     ({"channel": 1}, "channel")],
)  # fmt: skip
def test_a_field_of_a_wrong_type_is_quarantined_by_its_name(fields: dict[str, Any], field: str) -> None:
    broken = _broken(_line(**fields))
    assert (broken.reason, broken.field) == ("wrong_type", field)


def test_a_type_that_is_no_canonical_one_is_quarantined() -> None:
    broken = _broken(_line(type="consent_dreamt"))
    assert (broken.reason, broken.field) == ("unknown_type", "type")


def test_every_type_of_the_registry_is_read() -> None:
    types = [row["event_type"] for row in registry.read(canonical_feed.settings.DBT_PROJECT / "seeds/event_types.csv")]
    assert len(types) > 25
    for number, type_ in enumerate(types):
        assert isinstance(_one(_line(number, type=type_)), Received)


def test_an_event_of_another_source_is_quarantined_where_only_one_may_speak() -> None:
    broken = _broken(_line(source="crm"))
    assert (broken.reason, broken.field) == ("foreign_source", "source")
    assert isinstance(_one(_line(source="crm"), source=None), Received)


def test_what_is_said_of_a_broken_line_holds_nothing_of_a_person() -> None:
    person = {"email": "anna@secret.example", "phone": "+31201234567", "first_name": "Anna", "last_name": "Geheim"}
    lines = [
        _line(contact=person, type="dreamt anna@secret.example"), _line(contact=person, occurred_at="Anna Geheim"),
        _line(contact=person, source="anna@secret.example"), _line(contact={**person, "company": 1}),
        _line(contact=person)[:-9],
    ]  # fmt: skip
    for line in lines:
        said = _broken(line)
        text = f"{said.reason} {said.detail} {said.field} {said.position}"
        assert not any(value in text for value in person.values())


def test_a_byte_order_mark_blank_lines_and_carriage_returns_are_passed_over() -> None:
    lines = [b"\xef\xbb\xbf" + _line(1).replace(b"\n", b"\r\n"), b"\n", b"  \r\n", _line(2)]
    assert [item.source_id for item in read_events(lines, "f", "web") if isinstance(item, Received)] == ["e-1", "e-2"]


def test_the_position_counts_every_line_from_one() -> None:
    lines = [b"\n", _line(1), b"{\n", b"\n", b"nope"]
    found = [item.position for item in read_events(lines, "web.jsonl", "web") if isinstance(item, Broken)]
    assert found == ["web.jsonl:3", "web.jsonl:5"]


# The feed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _feed(folder: Path) -> CanonicalFeed:
    return CanonicalFeed(WEB, ConnectionDetails(extra={"url": folder.as_uri()}))


class _NothingKnown:
    def cursor(self, stream: str) -> None:
        return None

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        return False


def _pulled(folder: Path) -> list[StreamItem]:
    return list(_feed(folder).pull(_NothingKnown()))


def _land(warehouse: Connection, folder: Path, chunk: int = 10) -> LandingCounts:
    landing = Landing(warehouse, "web", chunk=chunk)
    return landing.land(_feed(folder).pull(landing.ledger))


def _rows(warehouse: Connection) -> list[tuple[Any, ...]]:
    return warehouse.execute("select source_id, digest, payload from raw.records order by source_id, digest").fetchall()


def test_good_lines_land_and_broken_ones_stand_in_quarantine_with_file_and_line(
    warehouse: Connection, folder: Path
) -> None:
    truncated = _line(4)[:40]
    (folder / "web.jsonl").write_bytes(b"\xef\xbb\xbf" + _line(1) + b"{nonsense\n" + _line(3) + truncated)
    counts = _land(warehouse, folder)
    assert (counts.records_new, counts.quarantined, counts.files) == (2, 2, 1)
    rows = warehouse.execute("select position, reason, payload from raw.quarantine order by position").fetchall()
    assert rows == [
        ("web.jsonl:2", "malformed_json", b"{nonsense"),
        ("web.jsonl:4", "malformed_json", truncated),
    ]


def test_plain_and_packed_files_are_taken_oldest_first_and_others_left(folder: Path) -> None:
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(_line(1) + _line(2)))
    (folder / "a.jsonl").write_bytes(_line(3))
    for name in ("a.csv", "a.jsonl.part", ".a.jsonl"):
        (folder / name).write_bytes(b"no")
    os.utime(folder / "b.jsonl.gz", (1, 1))
    os.utime(folder / "a.jsonl", (2, 2))
    items = _pulled(folder)
    assert [item.source_id if isinstance(item, Received) else type(item).__name__ for item in items] == [
        "FileOpened", "e-1", "e-2", "FileTaken", "FileOpened", "e-3", "FileTaken", "Broken",
    ]  # fmt: skip
    assert [(item.position, item.reason) for item in items if isinstance(item, Broken)] == [
        ("a.csv", "unregistered_file")
    ]
    assert [item.batch for item in items if isinstance(item, FileTaken)] == ["b", "a"]


def test_the_name_of_a_file_without_its_suffix_names_the_delivery(folder: Path) -> None:
    (folder / "shop.v2.2026-03-02.jsonl").write_bytes(_line())
    (taken,) = [item for item in _pulled(folder) if isinstance(item, FileTaken)]
    assert taken.batch == "shop.v2.2026-03-02"


def test_an_empty_file_is_taken_and_holds_nothing(warehouse: Connection, folder: Path) -> None:
    for name, content in (
        ("a.jsonl", b""),
        ("b.jsonl", b"\xef\xbb\xbf"),
        ("c.jsonl", b"\n\r\n"),
        ("d.jsonl.gz", gzip.compress(b"")),
    ):
        (folder / name).write_bytes(content)
    counts = _land(warehouse, folder)
    assert (counts.records_seen, counts.files) == (0, 4)
    assert _land(warehouse, folder).files == 0


def test_a_feed_states_no_population_so_that_a_quiet_day_is_no_loss(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(_line())
    assert not [item for item in _pulled(folder) if isinstance(item, Population)]


def test_a_second_pull_adds_nothing_and_reads_no_line(warehouse: Connection, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(_line(1) + b"{\n")
    _land(warehouse, folder)
    again = _land(warehouse, folder)
    assert (again.records_seen, again.records_new, again.quarantined, again.files) == (0, 0, 0, 0)


def test_the_same_file_under_another_name_is_not_read_again(warehouse: Connection, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(_line(1))
    _land(warehouse, folder)
    (folder / "a.jsonl").rename(folder / "b.jsonl")
    assert _land(warehouse, folder).records_seen == 0


def test_the_same_file_twice_in_one_pull_adds_its_events_once(warehouse: Connection, folder: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (folder / name).write_bytes(_line(1))
    _land(warehouse, folder)
    assert len(_rows(warehouse)) == 1


def test_events_sent_again_in_another_file_add_only_what_is_new_or_corrected(
    warehouse: Connection, folder: Path
) -> None:
    (folder / "a.jsonl").write_bytes(_line(1) + _line(2))
    _land(warehouse, folder)
    (folder / "b.jsonl").write_bytes(_line(2) + _line(1, channel="email") + _line(3))
    assert _land(warehouse, folder).records_new == 2
    assert [row[0] for row in _rows(warehouse)] == ["e-1", "e-1", "e-2", "e-3"]


def test_a_file_that_grew_is_read_on_and_keeps_what_was_landed(warehouse: Connection, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(_line(1))
    _land(warehouse, folder)
    with (folder / "a.jsonl").open("ab") as feed:
        feed.write(_line(2))
    assert _land(warehouse, folder).records_new == 1


def test_a_pull_that_is_killed_and_run_again_leaves_the_same_rows(warehouse: Connection, folder: Path) -> None:
    for number in range(3):
        lines = (_line(n) if n % 9 else b"{half %d\n" % n for n in range(number * 40, number * 40 + 40))
        (folder / f"{number}.jsonl").write_bytes(b"".join(lines))
        os.utime(folder / f"{number}.jsonl", (number, number))

    class Killed(BaseException):
        pass

    def dying(stream: Iterator[StreamItem], after: int) -> Iterator[StreamItem]:
        yield from itertools.islice(stream, after)
        raise Killed

    for after in (0, 7, 25, 41, 95):
        landing = Landing(warehouse, "web", chunk=10)
        with pytest.raises(Killed):
            landing.land(dying(_feed(folder).pull(landing.ledger), after))
    _land(warehouse, folder)
    expected = [(item.source_id, dict(item.payload)) for item in _pulled(folder) if isinstance(item, Received)]
    assert sorted((row[0], row[2]) for row in _rows(warehouse)) == sorted(expected, key=lambda event: event[0])
    row = warehouse.execute("select count(*), count(distinct position) from raw.quarantine").fetchone()
    assert row == (14, 14)
    assert _land(warehouse, folder).records_seen == 0


def test_a_file_that_is_still_growing_waits_and_the_others_are_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.jsonl").write_bytes(_line(1))
    (folder / "b.jsonl").write_bytes(_line(2))
    whole = canonical_feed.open_location

    class Growing:
        def __init__(self, location: Any) -> None:
            self._location = location

        def list(self) -> Any:
            found = self._location.list()
            with (folder / "a.jsonl").open("ab") as feed:
                feed.write(_line(3))
            return found

        def fetch(self, file: Any, target: Any) -> bytes:
            return bytes(self._location.fetch(file, target))

    class Opened:
        def __init__(self, connection: ConnectionDetails, name: str) -> None:
            self._opened = whole(connection, name)

        def __enter__(self) -> Growing:
            return Growing(self._opened.__enter__())

        def __exit__(self, *problem: Any) -> None:
            self._opened.__exit__(*problem)

    monkeypatch.setattr(canonical_feed, "open_location", Opened)
    first = [item.source_id for item in _pulled(folder) if isinstance(item, Received)]
    monkeypatch.undo()
    assert first == ["e-2"]
    assert {item.source_id for item in _pulled(folder) if isinstance(item, Received)} == {"e-1", "e-2", "e-3"}


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped"])
def test_a_damaged_packed_file_stands_in_quarantine_once_and_hinders_no_other(
    damage: str, warehouse: Connection, folder: Path
) -> None:
    packed = gzip.compress(b"".join(_line(number) for number in range(2000)))
    content = {
        "cut": packed[:-3000],
        "no gzip": b"this is no gzip file",
        "flipped": packed[:3000] + bytes(byte ^ 0xFF for byte in packed[3000:3100]) + packed[3100:],
    }[damage]
    (folder / "a.jsonl.gz").write_bytes(content)
    (folder / "b.jsonl").write_bytes(_line(5000))
    _land(warehouse, folder)
    assert "e-5000" in [row[0] for row in _rows(warehouse)]
    rows = warehouse.execute("select position from raw.quarantine where reason = 'damaged_file'").fetchall()
    assert rows == [("a.jsonl.gz",)]
    assert _land(warehouse, folder).files == 0


def test_a_file_that_expands_without_end_is_left_at_its_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical_feed, "LARGEST_FILE", 100_000)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(_line(1) + b"\n" * 5_000_000 + _line(2)))
    _, received, broken, taken = _pulled(folder)
    assert isinstance(received, Received)
    assert isinstance(broken, Broken)
    assert (broken.position, broken.reason) == ("a.jsonl.gz", "file_too_large")
    assert isinstance(taken, FileTaken)


def test_a_line_without_end_is_one_broken_line_and_takes_little_memory(folder: Path) -> None:
    long = b'{"event_id": "long", "x": "' + b"x" * 30_000_000 + _line(7).rstrip() + b'"}\n'
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(_line(1) + long + _line(2), 1))
    del long
    tracemalloc.start()
    items = _pulled(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [item.source_id for item in items if isinstance(item, Received)] == ["e-1", "e-2"]
    (broken,) = [item for item in items if isinstance(item, Broken)]
    assert (broken.position, broken.reason) == ("a.jsonl.gz:2", "line_too_long")
    assert peak < 12_000_000


def test_a_feed_takes_no_more_memory_for_a_longer_file(folder: Path) -> None:
    lines = io.BytesIO()
    for number in range(15_000):
        lines.write(_line(number))
    (folder / "a.jsonl").write_bytes(lines.getvalue())
    del lines
    tracemalloc.start()
    count = sum(1 for _ in _feed(folder).pull(_NothingKnown()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 15_002  # the file's opening and its end included
    assert peak < 4_000_000


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.sampled_from(["anna@x.example", "2026-03-02T10:00:00Z", " ", "x" * 251, "x" * 1001, "é" * 600, "\x00", "hard", 'a":b']),
    st.lists(st.text(max_size=3), max_size=2),
)  # fmt: skip
_FIELDS = st.sampled_from(
    [
        *canonical_feed._TEXTS,
        *canonical_feed._NUMBERS,
        *canonical_feed._FLAGS,
        "contact",
        "evidence",
        "refers_to",
        "other",
    ]
)
_PART = st.dictionaries(
    st.sampled_from(
        [*(one for part in canonical_feed._PARTS.values() for one in part), "postal", "published_purposes",
         "opt_out_offered_at_collection", "other"]
    ),
    st.one_of(_VALUES, st.dictionaries(st.sampled_from(canonical_feed._POSTAL), _VALUES, max_size=3)),
    max_size=4,
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.dictionaries(_FIELDS, st.one_of(_VALUES, _PART), max_size=5),
    st.sampled_from(sorted(canonical_feed._event_types())),
    st.booleans(),
)
def test_what_is_taken_at_first_sight_is_what_a_closer_look_takes(
    fields: dict[str, Any], kind: str, is_doubled: bool
) -> None:
    text = json.dumps({"event_id": "1", "source": "web", "type": kind, **fields}).encode()
    if is_doubled:
        text = text[:-1] + b', "brand" : "noord", "channel": "email"}'
    seen = canonical_feed._plainly_sound(text, "web")
    if seen is not None:
        assert seen.value == canonical_feed._checked(text, "web")
        assert seen.canonical == document.canonical(seen.value)


@pytest.mark.parametrize("opened", ["[", '{"a":'])
@pytest.mark.parametrize("levels", [60, 65, 200, 400, 600, 990, 5_000, 100_000])
def test_a_line_that_is_nested_deep_is_told_alike_at_first_sight_and_at_a_closer_look(opened: str, levels: int) -> None:
    closed = "]" if opened == "[" else "}"
    line = _line()[:-2] + b', "deep": ' + (opened * levels + "1" + closed * levels).encode() + b"}"
    told = _one(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical_feed, "_plainly_sound", lambda *_: None)
        assert type(told) is type(_one(line))


def test_an_ordinary_line_is_taken_at_first_sight() -> None:
    seen = canonical_feed._plainly_sound(_line(), None)
    assert seen is not None
    assert seen.value == json.loads(_line())
    assert canonical_feed._plainly_sound(_line()[:-1] + b', "source": "web"}', None) is None
