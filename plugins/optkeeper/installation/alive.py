"""Whether a part of Airflow is at work, for the health checks of containers: cheap, since each is asked twice a minute.

Airflow's own `jobs check` and Celery's `inspect` load all of Airflow first, some seconds of a core each time.

Run as `python -m optkeeper.installation.alive PART`: `worker` asks this container's worker through the queue; of
`scheduler`, `dag_processor` and `triggerer` the API server sees the heartbeats in the metadata.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

_SECONDS = 10


def beats(part: str, api_server: str) -> bool:
    """Whether the API server holds a part of Airflow for healthy."""
    address = urljoin(api_server, "/api/v2/monitor/health")
    with build_opener(ProxyHandler({})).open(address, timeout=_SECONDS) as answer:
        told = json.load(answer)
    return bool(told[part]["status"] == "healthy")


def answers(worker: str, broker: str) -> bool:
    """Whether a worker answers through the queue."""
    from celery import Celery

    with Celery(broker=broker) as queue:
        return bool(queue.control.ping(destination=[worker], timeout=_SECONDS, limit=1))


def main(part: str) -> int:
    """The exit code for a part: 0 where it is at work."""
    if part == "worker":
        broker = subprocess.run(  # noqa: S603  # the installation's own setting
            shlex.split(os.environ["AIRFLOW__CELERY__BROKER_URL_CMD"]), check=True, capture_output=True, text=True
        ).stdout
        return 0 if answers(f"celery@{socket.gethostname()}", broker) else 1
    return 0 if beats(part, os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
