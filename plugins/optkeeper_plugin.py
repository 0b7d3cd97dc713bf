"""Registers Optkeeper with Airflow, nothing else."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from optkeeper.web.app import PREFIX, app


class OptkeeperPlugin(AirflowPlugin):
    """Mounts the pages behind Airflow's login and links to them; what they do stands in the package `optkeeper`."""

    name = "optkeeper"
    fastapi_apps: ClassVar[list[Any]] = [{"name": "optkeeper", "app": app, "url_prefix": PREFIX}]
    external_views: ClassVar[list[Any]] = [
        {"name": "Optkeeper today", "href": f"{PREFIX}/today", "url_route": "optkeeper_today", "destination": "nav"}
    ]
