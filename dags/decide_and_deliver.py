"""Build → gate → publish → deliver, one run: what may be used today, and the lists that follow from it."""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    TriggerRule,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException
from optkeeper import alerts, settings, steps

LANDED = (
    Asset("optkeeper_landed_crm")
    & Asset("optkeeper_landed_email_platform")
    & Asset("optkeeper_landed_vendor_files")
    & Asset("optkeeper_landed_canonical_feed")
)

DOC = """
### decide_and_deliver

1. **build**: dbt from staging to the candidate marts, tests included.
2. **seal**: what has landed becomes leaves of the log of evidence, with a signed head here and outside (R40).
3. **gate**: Great Expectations on the candidate. A critical failure stops here: nothing is published, yesterday's marts
   and lists stand, and the alert names rule, count and ids. Where a source or mart shrank, `accept_shrunk` then asks
   whether that is right.
4. **publish**: the candidate becomes `marts`, in one transaction.
5. **deliver**: the renewal-due lists as CSV and spreadsheet, with manifest and e-mail. Nothing is sent twice.
6. **document**: the page that says what each mart and column means.
7. **check_evidence**: whether all that was received and sealed still is what it was, whatever became of steps before.

Runs as soon as every kind of source has landed, and at 06:00 (Europe/Amsterdam) whatever has: a late source delays the
list but never blocks it, and the list's cover sheet says how old its data is. One run at a time, so that an
old pass of the gate never authorises newer data.
"""


def business_moment() -> datetime:
    """The moment that the run decides for: the replayed date, else when the run was due."""
    moment: datetime = settings.replayed() or get_current_context()["dag_run"].run_after
    return moment


def run_id() -> str:
    """The run that builds, gates and publishes together."""
    name: str = get_current_context()["dag_run"].run_id
    return name


def shrunk_or_skip() -> list[str]:
    """The sources and marts that keep the gate closed because they shrank."""
    names: list[str] = [one["name"] for one in steps.shrunk(run_id())]
    if not names:
        raise AirflowSkipException("the gate was stopped by something else")
    return names


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 6 * * *", timezone="Europe/Amsterdam"), assets=LANDED
    ),
    catchup=False,
    max_active_runs=1,
    tags=["optkeeper", "decide", "deliver"],
    doc_md=DOC,
    default_args={
        "owner": "privacy",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "pool": "warehouse",
        "queue": "decide",
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": alerts.failed,
        "on_success_callback": alerts.succeeded,
    },
)
def decide_and_deliver() -> None:
    """Wires the steps."""

    @task(doc_md="dbt: staging, events, identity, timeline, decisions, candidate marts; and their tests.")
    def build() -> dict[str, Any]:
        return steps.build(run_id(), business_moment())

    @task(doc_md="Seals what has landed: the leaves of the log, and a signed head in the warehouse and outside it.")
    def seal() -> dict[str, Any]:
        return steps.seal()

    @task(doc_md="Great Expectations judges the candidate; a critical failure ends the run here.")
    def gate() -> dict[str, Any]:
        return steps.gate(run_id(), business_moment())

    @task(outlets=[Asset("optkeeper_published")], doc_md="The candidate becomes `marts`, in one transaction.")
    def publish() -> dict[str, Any]:
        return steps.publish(run_id())

    @task(
        pool="deliveries",
        queue="deliver",
        doc_md="Writes the lists with their manifests and mails their owners, each at most once.",
    )
    def deliver() -> dict[str, Any]:
        return steps.deliver()

    @task(doc_md="Writes the page that describes the marts as they are published.")
    def document() -> dict[str, Any]:
        return steps.document()

    @task(
        trigger_rule=TriggerRule.ONE_FAILED,
        outlets=[Asset("optkeeper_shrunk")],
        doc_md="Where the gate stopped the run because a source or mart shrank: lets `accept_shrunk` ask about it.",
    )
    def doubt() -> list[str]:
        """Skips where nothing shrank, so that nobody is asked."""
        return shrunk_or_skip()

    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Checks every row against its digest and its leaf, and the log against its heads; names what differs.",
    )
    def check_evidence() -> dict[str, Any]:
        return steps.check_evidence()

    judged, delivered = gate(), deliver()
    build() >> seal() >> judged >> publish() >> delivered >> [document(), check_evidence()]
    judged >> doubt()


decide_and_deliver()
