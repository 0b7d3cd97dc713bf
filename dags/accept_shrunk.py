"""A source or mart shrank so much that the gate stopped: a person says whether that is right."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Asset, dag, task
from optkeeper import alerts, steps

ACCEPT, KEEP_STOPPED = "Accept", "Keep stopped"

DOC = """
### accept_shrunk

Asks, under *Required actions*, about each source or mart that shrank more than its limit and so keeps the gate
closed. **Accept** is remembered once, with who answered; clear the task `build` of the stopped run then. **Keep
stopped**, or no answer within 20 hours, changes nothing.
"""


@dag(
    schedule=[Asset("optkeeper_shrunk")],
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "gate"],
    doc_md=DOC,
    default_args={
        "owner": "privacy",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "queue": "decide",
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def accept_shrunk() -> None:
    """Wires the question to its answer."""

    @task(execution_timeout=timedelta(minutes=10), doc_md="What the gate's last run found to have shrunk.")
    def shrunk() -> list[dict[str, str]]:
        return steps.shrunk()

    @task(execution_timeout=timedelta(minutes=10), doc_md="One question for each.")
    def questions(found: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{"subject": f"Did {one['name']} really shrink?", "body": one["told"]} for one in found]

    found = shrunk()
    ask = HITLOperator.partial(
        task_id="ask",
        options=[ACCEPT, KEEP_STOPPED],
        defaults=KEEP_STOPPED,
        response_timeout=timedelta(hours=20),
        doc_md="Waits for a person; without an answer nothing is accepted.",
    ).expand_kwargs(questions(found))

    @task(execution_timeout=timedelta(minutes=10), doc_md="Remembers what was accepted, and by whom.")
    def remember(found: list[dict[str, str]], answers: list[dict[str, Any]]) -> dict[str, Any]:
        return steps.accept_shrunk(found, answers, accept=ACCEPT)

    remember(found, ask.output)


accept_shrunk()
