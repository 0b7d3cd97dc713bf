"""The bench runs through on a small size, and writes its page; what it measures is no matter for a test."""

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from optkeeper.sources.canonical_feed import read_events
from optkeeper.sources.stream import Received
from optkeeper.warehouse import database, embedded

from tests.bench.__main__ import written, written_sealing
from tests.bench.histories import a_day_later, histories
from tests.bench.measure import Bench, measure
from tests.bench.row import Row
from tests.bench.sealing import measure_sealing


def test_the_histories_are_the_same_each_time_and_keep_their_contract() -> None:
    made = list(histories(400))
    assert made == list(histories(400))
    lines = [json.dumps(event).encode() for event in made]
    assert all(isinstance(item, Received) for item in read_events(lines, "made"))
    kinds = Counter(event["type"] for event in made)
    assert kinds["email_delivered"] > 400
    for kind in ("contact_upserted", "consent_given", "consent_confirmed", "consent_withdrawn", "contacts_merged",
                 "sale_completed", "link_clicked", "consent_revoked"):  # fmt: skip
        assert kinds[kind], kind
    later = list(a_day_later(400))
    assert len(later) == 4
    assert not {event["event_id"] for event in later} & {event["event_id"] for event in made}


def test_a_small_size_goes_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    # a folder of its own: pytest takes older sessions' folders away, and sets their mode, while others run
    work = Path(tempfile.mkdtemp(prefix="opk-bench-"))
    monkeypatch.setenv("OPTKEEPER_HOME", str(work))
    try:
        bench = measure(40, work)
        with database.connect(bench.address) as connection:
            found = connection.execute(
                "select (select count(*) from raw.records), (select count(*) from raw.quarantine),"
                " (select count(*) from marts.contacts), (select count(*) from marts.address_decisions where is_marketable)"
            ).fetchone()
    finally:
        embedded.stop(work / "postgres")
        shutil.rmtree(work, ignore_errors=True)
    assert found is not None
    records, quarantined, contacts, marketable = found
    assert (records, quarantined) == (bench.events + 1, 0)
    assert 0 < contacts <= 40
    assert marketable
    assert len(bench.rows) == 16


def test_the_page_holds_a_part_for_each_size_in_their_order() -> None:
    def of(size: int, measured: str) -> Bench:
        return Bench(size, size * 15, [Row("landing", measured, "floor", "0.5", "goal")], [("slow", 1.5)], "")

    page = written(of(1_000_000, "b"), "")
    page = written(of(1_000, "a"), page)
    page = written(of(1_000_000, "c"), page)
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## 1,000 contacts",
        "## 1,000,000 contacts",
    ]
    assert "| landing | a | floor | 0.5 | goal |" in page
    assert "| landing | c |" in page
    assert "| landing | b |" not in page
    assert "`slow` 1.5 s" in page


def test_few_leaves_are_sealed_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Path(tempfile.mkdtemp(prefix="opk-bench-"))
    monkeypatch.setenv("OPTKEEPER_HOME", str(work))
    try:
        rows = measure_sealing(70_000, work)
    finally:
        embedded.stop(work / "postgres")
        shutil.rmtree(work, ignore_errors=True)
    assert [row.measure for row in rows] == ["sealing, first time", "sealing 700 more", "an inclusion proof"]
    page = written_sealing(70_000, rows, written(Bench(40, 600, rows, [("slow", 1.5)], ""), ""))
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## 40 contacts", "## 70,000 leaves"]
