"""Registers Optkeeper with Airflow, nothing else."""

from airflow.plugins_manager import AirflowPlugin


class OptkeeperPlugin(AirflowPlugin):
    """Names the project among Airflow's plugins; what it does stands in the package `optkeeper`."""

    name = "optkeeper"
