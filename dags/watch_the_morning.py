"""At 07:00: is today published and delivered?"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from optkeeper import alerts, settings, steps

DOC = """
### watch_the_morning

Looks once, at the moment by which the marts of today must be published and the lists and mails delivered. It fails
where they are not, whatever the reason: a step that failed or hangs, a run that never started, a DAG that is paused.
The alert is over as soon as a delivery has succeeded.

It cannot see that the scheduler itself has stopped: for that, a watcher outside asks `/optkeeper/heartbeat`, which
answers 503 when the morning is late, or watches the file `heartbeat.json` in Optkeeper's home.
"""


@dag(
    schedule=CronTriggerTimetable(
        f"{settings.DELIVERED_BY.minute} {settings.DELIVERED_BY.hour} * * *", timezone="Europe/Amsterdam"
    ),
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "watch"],
    doc_md=DOC,
    default_args={
        "owner": "data-engineering",
        "retries": 1,  # of a database that did not answer; that it is late does not change by looking again
        "retry_delay": timedelta(seconds=20),
        "execution_timeout": timedelta(minutes=10),
        "queue": "decide",
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def watch_the_morning() -> None:
    """Wires the one step."""

    @task(doc_md="Fails where today is not published and delivered.")
    def check() -> dict[str, Any]:
        return steps.check_morning()

    check()


watch_the_morning()
