"""Registers Optkeeper with Airflow, nothing else."""

from airflow.plugins_manager import AirflowPlugin
from optkeeper.web.app import PREFIX, app


class OptkeeperPlugin(AirflowPlugin):
    """Mounts the pages behind Airflow's login and links to them; what they do stands in the package `optkeeper`."""

    name = "optkeeper"
    fastapi_apps = [{"name": "optkeeper", "app": app, "url_prefix": PREFIX}]  # noqa: RUF012  # Airflow's way
    external_views = [  # noqa: RUF012
        {"name": "Optkeeper today", "href": f"{PREFIX}/today", "url_route": "optkeeper_today", "destination": "nav"}
    ]
