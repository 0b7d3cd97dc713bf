"""Whenever a person starts it: the dossier for a request for proof."""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from optkeeper import alerts, steps

DOC = """
### answer_proof_request

Makes the dossier of a registered request for proof (`optkeeper proof-requests add`, or the mailbox) and notes that it
is answered, in the name of who started the run (R39). The request is given by its number, so that no address reaches
Airflow. The dossier is then at `/optkeeper/dossiers/`, for privacy officers alone.
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "evidence"],
    doc_md=DOC,
    params={
        "request": Param(type="integer", minimum=1, title="Request", description="The number of the request."),
        "as_of": Param(
            None, type=["null", "string"], format="date-time", title="As of",
            description="What was decided then, beside today; without it today alone.",
        ),
        "language": Param("nl", type="string", enum=["nl", "en"], title="Language"),
    },
    default_args={
        "owner": "privacy",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=10),
        "queue": "decide",
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)  # fmt: skip
def answer_proof_request() -> None:
    """Wires the one step."""

    @task(doc_md="Makes the dossier and notes the answer.")
    def answer() -> dict[str, Any]:
        context = get_current_context()
        run, params = context["dag_run"], context["params"]
        return steps.answer_proof_request(
            int(params["request"]),
            as_of=datetime.fromisoformat(params["as_of"]) if params["as_of"] else None,
            language=params["language"],
            person=run.triggering_user_name or "unknown",
            began=run.run_after,
        )

    answer()


answer_proof_request()
