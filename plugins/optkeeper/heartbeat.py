"""The heartbeat: a file, and a call to whoever watches from outside, each time a day is delivered whole.

Who watches must not run on what it watches: it reads the file, asks `/optkeeper/heartbeat`, or waits for the call.
"""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx

from optkeeper import settings
from optkeeper.runtime.files import write_whole

_SECONDS = 10
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last day that was delivered whole, and when."""

    list_date: date | None
    delivered_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Whether a day should have been delivered since: after the deadline today's, before it yesterday's."""
        local = now.astimezone(settings.BUSINESS_TIME_ZONE)
        wanted = local.date() if local.time() >= settings.DELIVERED_BY else local.date() - timedelta(days=1)
        return self.list_date is None or self.list_date < wanted


def beat(list_date: str) -> None:
    """Tells that the lists of a day are delivered. A call that is not answered is logged and fails nothing."""
    told = {"list_date": list_date, "delivered_at": datetime.now(UTC).isoformat(timespec="seconds")}
    write_whole(settings.home() / "heartbeat.json", json.dumps(told) + "\n")
    address = settings.heartbeat_url()
    if address is None:
        return
    try:
        httpx.get(address, timeout=_SECONDS).raise_for_status()
    except httpx.HTTPError as problem:  # its own text may name the address, which is a secret
        log.warning("the watcher at OPTKEEPER_HEARTBEAT_URL did not answer: %s", type(problem).__name__)


def last() -> Heartbeat:
    """The last heartbeat; one of nothing where there was none."""
    path = settings.home() / "heartbeat.json"
    if not path.exists():
        return Heartbeat(None, None)
    told = json.loads(path.read_text())
    return Heartbeat(date.fromisoformat(told["list_date"]), datetime.fromisoformat(told["delivered_at"]))
