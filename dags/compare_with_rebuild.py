"""On Sundays: is what the daily builds left what a full build makes?"""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from optkeeper import alerts, steps

DOC = """
### compare_with_rebuild

A daily build computes only what has changed. Once a week everything is built anew, in schemas of its own, for the same
moment and the same records, and compared with what stands, row for row in every table. It fails where a row differs;
the schemas are dropped again. Nothing is published or delivered, and the morning's run waits until it is over. It skips
where no build stands, as after a crash of the server: the next builds everything.
"""


@dag(
    schedule=CronTriggerTimetable("0 12 * * 0", timezone="Europe/Amsterdam"),
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "watch"],
    doc_md=DOC,
    default_args={
        "owner": "data-engineering",
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
        "pool": "warehouse",
        "queue": "decide",
        "execution_timeout": timedelta(hours=8),
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def compare_with_rebuild() -> None:
    """Wires the one step."""

    @task(doc_md="Builds everything anew beside what stands, and compares.")
    def compare() -> dict[str, Any]:
        from optkeeper.transform import NothingStands  # loads what a scheduler need not

        try:
            return steps.compare()
        except NothingStands as nothing:
            raise AirflowSkipException(str(nothing)) from None

    compare()


compare_with_rebuild()
