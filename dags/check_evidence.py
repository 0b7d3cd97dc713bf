"""Once a week: is all that was received still as it was received?"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from optkeeper import alerts, steps

DOC = """
### check_evidence

Computes the digest of every record in `raw` again from its payload. A record that differs was changed past the server's
triggers: the run fails and the alert names the records by number. Each gate does the same for the evidence of what it
lets pass.
"""


@dag(
    schedule=CronTriggerTimetable("0 4 * * 0", timezone="Europe/Amsterdam"),
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "evidence"],
    doc_md=DOC,
    default_args={
        "owner": "privacy",
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "pool": "warehouse",
        "queue": "decide",
        "execution_timeout": timedelta(hours=6),
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def check_evidence() -> None:
    """Wires the one step."""

    @task(doc_md="Recomputes the digest of every record in raw.")
    def recompute() -> dict[str, Any]:
        return steps.check_evidence()

    recompute()


check_evidence()
