"""Every hour: do mails ask for proof, and is every request answered in time?"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from optkeeper import alerts, steps

DOC = """
### watch_proof_requests

Registers each `.eml` in the folder that `OPTKEEPER_PROOF_MAILBOX` names as a request about its sender's address, once;
and warns the privacy officer of every running request when half, three quarters and all of its term are over (R39;
policy `proof_deadline_hours` and `proof_deadline_working_days`, the earlier). A warning is mailed once, and once when
it is over.
"""


@dag(
    schedule=CronTriggerTimetable("15 * * * *", timezone="Europe/Amsterdam"),
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "evidence", "watch"],
    doc_md=DOC,
    default_args={
        "owner": "privacy",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=10),
        "queue": "decide",
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def watch_proof_requests() -> None:
    """Wires the one step."""

    @task(doc_md="Registers new mails, and warns of requests that run out of time.")
    def watch() -> dict[str, Any]:
        return steps.watch_proof_requests()

    watch()


watch_proof_requests()
