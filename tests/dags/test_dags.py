import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowSkipException
from optkeeper import steps
from optkeeper.transform import NothingStands

CHECKOUT = Path(__file__).parents[2]
PULLS = {"pull_crm", "pull_email_platform", "pull_vendor_files", "pull_canonical_feed"}


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAGs as Airflow reads them, from an absolute folder: a relative one would load nothing and pass."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ["AIRFLOW_HOME"] = str(home)
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(CHECKOUT / "dags"))
    assert bag.import_errors == {}
    return bag.dags


def test_every_kind_of_source_and_the_decision_have_a_dag(dags: dict[str, Any]) -> None:
    assert set(dags) == {
        *PULLS, "decide_and_deliver", "watch_the_morning", "watch_proof_requests", "answer_proof_request",
        "accept_shrunk", "compare_with_rebuild",
    }  # fmt: skip


def test_every_dag_explains_itself_and_has_an_owner_retries_a_time_limit_and_an_alert(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.doc_md, dag.dag_id
        assert dag.tags, dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id
        assert dag.catchup is False, dag.dag_id
        for task in dag.tasks:
            arguments = task.partial_kwargs if hasattr(task, "partial_kwargs") else vars(task)
            assert arguments.get("owner") not in (None, "airflow"), task.task_id
            assert arguments.get("on_failure_callback"), task.task_id
            assert arguments.get("retries"), task.task_id
            assert arguments.get("on_success_callback"), task.task_id
            # a question waits for its answer, and no longer than it says
            assert arguments.get("execution_timeout") or arguments.get("response_timeout"), task.task_id
            assert arguments.get("doc_md"), task.task_id


def test_nothing_is_published_or_delivered_that_the_gate_did_not_pass_in_the_same_run(dags: dict[str, Any]) -> None:
    dag = dags["decide_and_deliver"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "build": {"seal"}, "seal": {"gate"}, "gate": {"publish", "doubt"}, "publish": {"deliver"},
        "deliver": {"document", "check_evidence"}, "document": set(), "doubt": set(), "check_evidence": set(),
    }  # fmt: skip
    assert {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != TriggerRule.ALL_SUCCESS} == {
        "doubt": TriggerRule.ONE_FAILED, "check_evidence": TriggerRule.ALL_DONE
    }  # fmt: skip


def test_a_person_is_asked_about_what_shrank_and_no_answer_accepts_nothing(dags: dict[str, Any]) -> None:
    dag = dags["accept_shrunk"]
    ask = dag.get_task("ask")
    assert ask.partial_kwargs["options"] == ["Accept", "Keep stopped"]
    assert ask.partial_kwargs["defaults"] == "Keep stopped"
    assert dag.get_task("remember").upstream_task_ids == {"ask", "shrunk"}
    assert [asset.name for asset in dags["decide_and_deliver"].get_task("doubt").outlets] == ["optkeeper_shrunk"]


def test_a_request_for_proof_is_answered_by_its_number_so_that_no_address_reaches_airflow(dags: dict[str, Any]) -> None:
    params = dags["answer_proof_request"].params
    assert {name: params.get_param(name).schema["type"] for name in params} == {
        "request": "integer", "as_of": ["null", "string"], "language": "string",
    }  # fmt: skip


def test_the_morning_is_watched_at_the_moment_by_which_it_must_be_delivered(dags: dict[str, Any]) -> None:
    assert dags["watch_the_morning"].timetable.expression == "0 7 * * *"
    assert dags["compare_with_rebuild"].timetable.expression == "0 12 * * 0"


def test_where_no_build_stands_the_comparison_is_skipped_and_nobody_is_alarmed(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_stands() -> None:
        raise NothingStands("no build stands whole")

    monkeypatch.setattr(steps, "compare", nothing_stands)
    with pytest.raises(AirflowSkipException, match="no build stands whole"):
        dags["compare_with_rebuild"].get_task("compare").python_callable()


def test_a_broken_source_never_stops_another(dags: dict[str, Any]) -> None:
    for dag_id in PULLS:
        landed = dags[dag_id].get_task("landed")
        assert landed.trigger_rule == TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
        assert [asset.name for asset in landed.outlets] == [f"optkeeper_{dag_id.replace('pull_', 'landed_')}"]


def test_the_decision_runs_by_the_data_and_by_the_clock(dags: dict[str, Any]) -> None:
    schedule = dags["decide_and_deliver"].timetable
    assert {asset.name for asset in schedule.asset_condition.objects} == {
        f"optkeeper_landed_{kind}" for kind in ("crm", "email_platform", "vendor_files", "canonical_feed")
    }
    assert schedule.timetable.expression == "0 6 * * *"
    assert str(schedule.timetable.timezone) == "Europe/Amsterdam"


def test_every_registered_source_is_pulled_by_exactly_one_task(dags: dict[str, Any]) -> None:
    from optkeeper import registry

    pulled = [
        name for dag_id in PULLS for name in dags[dag_id].get_task("pull_source").op_kwargs_expand_input.value["source"]
    ]
    assert sorted(pulled) == sorted(source.source for source in registry.pulled_sources())


def test_the_files_are_read_in_well_under_a_second() -> None:
    script = (
        "import time, sys, airflow.sdk\n"
        "sys.path.insert(0, 'dags')\n"
        "began = time.perf_counter()\n"
        "import pull_sources, decide_and_deliver\n"
        "heavy = {'dbt', 'great_expectations', 'pandas'} & set(sys.modules)\n"
        "print(time.perf_counter() - began, heavy or 'light')\n"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    seconds, weight = done.stdout.split()[-2:]
    assert weight == "light", done.stdout
    assert float(seconds) < 1.5, f"{seconds} of {time.perf_counter() - began}"
