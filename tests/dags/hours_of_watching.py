"""Runs the DAG `watch_proof_requests` at each of the moments given, as Airflow does, with the steps' clock moved there.

python -m tests.dags.hours_of_watching MOMENT ...
"""

import os
import sys
from datetime import datetime, tzinfo

from airflow.dag_processing.dagbag import DagBag
from optkeeper import steps

DAGS = os.environ["AIRFLOW__CORE__DAGS_FOLDER"]


def moved_to(moment: datetime) -> type[datetime]:
    """A `datetime` whose now is a moment."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # as far as the steps ask it
            return moment.astimezone(tz)

    return Moved


if __name__ == "__main__":
    bag = DagBag(dag_folder=DAGS)
    assert bag.import_errors == {}
    for moment in sys.argv[1:]:
        steps.datetime = moved_to(datetime.fromisoformat(moment))  # type: ignore[misc]  # the clock that is moved
        run = bag.dags["watch_proof_requests"].test()
        assert run.state == "success", run.state
