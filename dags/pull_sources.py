"""One DAG per kind of source, mapped over the sources that the registry names: whatever they hold lands in `raw`."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable, TriggerRule, dag, task
from optkeeper import alerts, registry, steps

DOC = """
### {dag_id}

Pulls **{what}** into `raw`, append-only and as received. One mapped task per source that the registry
(`dbt_project/seeds/registry/connectors.csv`) gives the connector `{connector}`.

* A pull goes on from the cursor that was committed with the data; run it again at any time, it adds only what is new.
* A source that fails is retried and then reported; the others land all the same, and so does the morning list.
* `landed` tells `decide_and_deliver` that there is something new.
"""


def pull_dag(dag_id: str, connector: str, minute: int, what: str) -> Any:
    """The DAG of one kind of source."""

    @dag(
        dag_id=dag_id,
        schedule=CronTriggerTimetable(f"{minute} 5 * * *", timezone="Europe/Amsterdam"),
        catchup=False,
        max_active_runs=1,
        tags=["optkeeper", "pull", connector],
        doc_md=DOC.format(dag_id=dag_id, what=what, connector=connector),
        default_args={
            "owner": "data-engineering",
            "retries": 3,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "pool": "sources",
            "queue": "pull",
            "execution_timeout": timedelta(hours=6),  # a source that hangs must not keep tomorrow's pull waiting
            "on_failure_callback": alerts.failed,
            "on_success_callback": alerts.succeeded,
        },
    )
    def pull() -> None:
        @task(
            map_index_template="{{ source }}",
            max_active_tis_per_dag=2,
            doc_md="Lands what is new at one source; answers counts.",
        )
        def pull_source(source: str) -> dict[str, Any]:
            from airflow.sdk import get_current_context

            get_current_context()["source"] = source  # type: ignore[typeddict-unknown-key]  # names the mapped task
            return steps.pull(source)

        @task(
            outlets=[Asset(f"optkeeper_{dag_id.replace('pull_', 'landed_')}")],
            trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
            doc_md="Says that data has landed, as soon as every source was tried and at least one succeeded.",
        )
        def landed() -> None:
            """Only its outlet matters."""

        names = [source.source for source in registry.pulled_sources(connector)]
        pull_source.expand(source=names) >> landed()

    return pull()


crm = pull_dag("pull_crm", "hubspot", 0, "the CRM")
email_platform = pull_dag("pull_email_platform", "mailchimp", 10, "the e-mail platform")
vendor_files = pull_dag("pull_vendor_files", "vendor_files", 20, "the lead vendors' deliveries")
canonical_feed = pull_dag("pull_canonical_feed", "canonical_feed", 30, "the canonical feeds")
