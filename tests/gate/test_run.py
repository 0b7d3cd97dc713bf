import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import daily
from optkeeper.gate import GateFailed, evaluate, run_gate
from optkeeper.gate.docs import front_page

from expectations import statements
from tests.gate import world
from tests.gate.conftest import Judge

Connection = psycopg.Connection[Any]


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_sound_candidate_passes_and_every_statement_is_kept(sound: Connection, judge: Judge) -> None:
    report = judge()
    assert report.passed
    assert report.warnings == ()
    assert report.counts() == {"checked": len(statements()), "failed": 0, "warned": 0}
    kept = sound.execute("select rule, passed, violations, sample from gate.results where run_id = 'r1'").fetchall()
    assert sorted(kept) == sorted((statement.__name__, True, 0, []) for statement in statements())
    assert _one(sound, "select passed from gate.runs where run_id = 'r1'") is True


def test_a_critical_violation_stops_the_run_and_names_rule_count_and_ids(sound: Connection, judge: Judge) -> None:
    sound.execute("update candidate.contact_points set is_usable = false")
    with pytest.raises(GateFailed) as failed:
        judge()
    lines = str(failed.value).splitlines()
    assert lines[0].startswith("the gate stopped run r1: 1 of ")
    assert lines[0].endswith("nothing is published, what was published stands")
    assert lines[1].startswith("EveryMarketableAddressIsUsable: 2 violations (")
    assert "contact_id web/1, channel email, evidence_id web/1" in lines[1]
    assert "contact_id web/2, channel email, evidence_id web/3" in lines[1]
    assert [word for word in world.PERSONAL_DATA if word in str(failed.value)] == []
    kept = sound.execute("select rule, violations, sample from gate.results where not passed").fetchall()
    assert [(rule, violations) for rule, violations, _ in kept] == [("EveryMarketableAddressIsUsable", 2)]
    assert {row["contact_id"] for row in kept[0][2]} == {"web/1", "web/2"}
    assert _one(sound, "select passed from gate.runs where run_id = 'r1'") is False


def test_a_warning_is_told_and_stops_nothing(sound: Connection, judge: Judge) -> None:
    sound.execute(
        "insert into raw.records (source, object, source_id, received_at, digest, payload)"
        " values ('stranger', 'canonical.events', '9', now(), sha256('nine'), '{}')"
    )
    report = judge()
    assert report.passed
    assert [result.rule for result in report.warnings] == ["EveryRecordIsOfARegisteredSource"]
    assert "warning: EveryRecordIsOfARegisteredSource: 1 violation (source stranger" in report.described()


def test_what_cannot_be_evaluated_stops_the_run_and_leaks_no_value(
    sound: Connection, judge: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    sound.execute("update registry.policy set value = 'jan.jansen@voorbeeld.nl' where key = 'inactivity_months'")
    with caplog.at_level(logging.DEBUG), pytest.raises(GateFailed) as failed:
        judge()
    failures = failed.value.report.failures
    assert {failure.rule for failure in failures} == {
        "EveryExpiryFollowsFromAnActOfTheContact", "EveryExpiryCountsFromItsAnchor",
    }  # fmt: skip
    for failure in failures:
        assert failure.violations is None
        assert failure.described() == f"{failure.rule}: could not be evaluated (InvalidTextRepresentation)"
    pages = "".join(page.read_text() for page in failed.value.report.docs.parents[1].rglob("*.html"))
    assert "InvalidTextRepresentation" in pages
    assert "jan.jansen" not in pages + str(failed.value) + caplog.text
    assert _one(sound, "select count(*) from gate.results") == len(statements())


def test_a_missing_mart_stops_the_run_even_where_a_violation_would_only_warn(sound: Connection, judge: Judge) -> None:
    sound.execute("drop table candidate.source_freshness")
    with pytest.raises(GateFailed, match=r"NoSourceIsStale: could not be evaluated \(there is no candidate"):
        judge()
    assert _one(sound, "select severity from gate.results where not passed") == "critical"


def test_a_gate_that_checked_nothing_is_no_pass(
    sound: Connection, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "statements", list)
    with pytest.raises(GateFailed, match="not one statement was checked"):
        judge()
    assert _one(sound, "select passed from gate.runs") is False


def test_a_candidate_of_another_run_or_moment_is_stopped(sound: Connection, warehouse_url: str, tmp_path: Path) -> None:
    next_day = datetime.fromisoformat("2026-06-02 10:00:00+00")
    with pytest.raises(GateFailed) as failed:
        run_gate(warehouse_url, run_id="r1", as_of=next_day, docs_folder=tmp_path)
    stopped_by = {result.rule for result in failed.value.report.failures}
    assert {"TheCandidateIsOfThisRun", "EveryDecisionIsOfTheBusinessDate"} <= stopped_by


def test_judging_a_run_again_replaces_what_was_found(sound: Connection, judge: Judge) -> None:
    sound.execute("update candidate.contact_points set is_usable = false")
    with pytest.raises(GateFailed):
        judge()
    sound.execute("update candidate.contact_points set is_usable = true")
    judge()
    assert _one(sound, "select count(*) from gate.runs") == 1
    assert _one(sound, "select count(*) from gate.results where not passed") == 0


def test_an_attempt_that_breaks_off_leaves_no_earlier_pass_standing(
    sound: Connection, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge()

    def breaks_off(*_: object) -> None:
        raise ConnectionError("the server went away")

    monkeypatch.setattr(evaluate, "evaluate", breaks_off)
    with pytest.raises(ConnectionError):
        judge()
    assert _one(sound, "select count(*) from gate.results") == 0
    assert _one(sound, "select passed from gate.runs") is None


def test_records_are_judged_until_a_run_has_passed_whose_build_knew_them(
    sound: Connection, judge: Judge, warehouse_url: str
) -> None:
    with psycopg.connect(warehouse_url, autocommit=True) as pipeline:
        daily.ensure(pipeline)
        build = daily.State("b1", world.decided_for(), world.decided_for(), 2, "", "", 0, 0)
        daily.keep(pipeline, build)
        judge("r1")
        digest = _one(sound, "select digest from raw.records where record_id = 3")
        sound.execute("update raw.records set digest = 'short' where record_id = 3")
        with pytest.raises(GateFailed, match=r"EveryRecordCarriesItsDigest: 1 violation \(record_id 3,"):
            judge("r2")
        sound.execute("update raw.records set digest = %s where record_id = 3", (digest,))
        daily.keep(pipeline, replace(build, records_through=3))
        assert _after(sound, judge, "r3") == 2
        assert _after(sound, judge, "r4") == 3
        daily.forget(pipeline)
        assert _after(sound, judge, "r5") == 3
        assert _after(sound, judge, "r6") == 0, "a run of which nobody knows what its build knew has judged nothing"


def _after(connection: Connection, judge: Judge, run_id: str) -> Any:
    judge(run_id)
    return _one(connection, "select records_after from gate.current_run")


def test_a_moment_without_an_offset_is_refused(warehouse_url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="as_of must name its offset"):
        run_gate(warehouse_url, run_id="r1", as_of=datetime(2026, 6, 1), docs_folder=tmp_path)


def test_data_docs_hold_no_personal_data_and_fetch_nothing(
    sound: Connection, judge: Judge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sound.execute("update candidate.contact_points set is_usable = false")
    sound.execute("delete from candidate.renewal_due")
    with pytest.raises(GateFailed) as failed:
        judge("scheduled__2026-06-01T05:00:00+00:00")
    docs = tmp_path / "docs"
    page = front_page(docs, "scheduled__2026-06-01T05:00:00+00:00")
    assert failed.value.report.docs == page
    assert "EveryMarketableAddressIsUsable" in page.read_text()
    assert "2 violations" in page.read_text()
    of_marketable = list(page.parent.glob("validations/candidate/marketable_contacts/**/*.html"))
    assert len(of_marketable) == 1
    assert "Nobody is marketable after the last day of their permission" in of_marketable[0].read_text()
    assert "evidence_id web/3" in of_marketable[0].read_text()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    pages = {path: path.read_text() for path in docs.rglob("*") if path.is_file()}
    assert {path.suffix for path in pages} == {".html"}
    for path, text in pages.items():
        assert [word for word in world.PERSONAL_DATA if word in text] == [], path
        assert "://" not in text, path
        assert "<script" not in text, path


def test_the_front_page_lists_every_run_with_its_outcome(sound: Connection, judge: Judge, tmp_path: Path) -> None:
    judge("r1")
    sound.execute("update candidate.contact_points set is_usable = false")
    with pytest.raises(GateFailed):
        judge("r2")
    index = (tmp_path / "docs" / "index.html").read_text()
    assert '<a href="r1/index.html">r1</a>' in index
    assert '<a href="r2/index.html">r2</a>' in index
    assert index.index("stopped") < index.index("passed")
    assert str(front_page(tmp_path / "docs", "r2")).endswith("/docs/r2/index.html")


def test_an_id_that_looks_like_an_address_is_told_by_its_digest(sound: Connection, judge: Judge) -> None:
    for relation in ("marketable_contacts", "contact_points", "consent_events", "consent_timeline", "renewal_due"):
        sound.execute(
            f"update candidate.{relation} set contact_id = 'crm/jan.jansen@voorbeeld.nl'"
            " where contact_id = 'web/1'".encode()
        )
    sound.execute("update candidate.contact_points set is_usable = false where contact_id like 'crm/%'")
    with pytest.raises(GateFailed, match="contact_id sha256:[0-9a-f]{16}, channel email") as failed:
        judge()
    pages = "".join(path.read_text() for path in failed.value.report.docs.parents[1].rglob("*.html"))
    kept = _one(sound, "select string_agg(sample::text, '') from gate.results")
    assert "jan.jansen" not in str(failed.value) + pages + kept
