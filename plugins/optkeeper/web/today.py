"""The page that tells how this morning went, in numbers and without anybody's name but those of the recipients."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import jinja2
import psycopg
from psycopg.rows import namedtuple_row

from optkeeper import registry, settings
from optkeeper.delivery.recipients import recipients
from optkeeper.gate.docs import front_page

_COUNTED = (
    ("contacts", "select count(*) from marts.contacts"),
    ("records in quarantine", "select count(*) from marts.quarantine"),
)
_REACH = """
select
    current.brand, current.channel,
    sum(current.reachable)::bigint as reachable, sum(before.reachable)::bigint as reachable_before,
    sum(current.due)::bigint as due, sum(before.due)::bigint as due_before,
    sum(current.expired)::bigint as expired, sum(before.expired)::bigint as expired_before
from marts.reach_daily as current
left join marts.reach_daily as before
    on before.day = %(before)s and before.brand = current.brand and before.channel = current.channel
    and before.purpose = current.purpose
where current.day = %(day)s
group by current.brand, current.channel
order by current.brand, current.channel
"""
_LISTS = """
select distinct on (lists.brand, lists.channel)
    lists.brand, lists.channel, lists.revision, lists.row_count, lists.delivered_at,
    (
        select earlier.row_count from delivery.lists as earlier
        where earlier.list = lists.list and earlier.brand = lists.brand and earlier.channel = lists.channel
            and earlier.list_date < lists.list_date
        order by earlier.list_date desc, earlier.revision desc limit 1
    ) as row_count_before
from delivery.lists
where lists.list_date = %(day)s
order by lists.brand, lists.channel, lists.revision desc
"""
_MAILS = """
select recipient_digest, place, lists, claimed_at, sent_at from delivery.mails
where list_date = %(day)s order by claimed_at, recipient_digest
"""
_GATE = """
select runs.run_id, runs.decided_on, runs.started_at, runs.passed,
    count(results.run_id) as checked,
    count(*) filter (where results.severity = 'critical' and not results.passed) as failed,
    count(*) filter (where results.severity <> 'critical' and not results.passed) as warned
from gate.runs left join gate.results on results.run_id = runs.run_id
group by runs.run_id order by runs.started_at desc limit 5
"""
_FRESHNESS = """
select source, last_pull_at, newest_record_at, max_age_hours, is_stale from marts.source_freshness order by source
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of the day: to whom, about which lists, and when the server took it."""

    recipient: str
    lists: tuple[str, ...]
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Today:
    """What the page says. Rows are as the database answers them; where nothing was published yet, there are none."""

    day: date
    run_id: str | None
    published_at: datetime | None
    published_for: date | None
    deadline: datetime
    freshness: Sequence[Any]
    gate: Sequence[Any]
    counts: Sequence[tuple[str, int]]
    reach: Sequence[Any]
    lists: Sequence[Any]
    mails: Sequence[Mail]
    first_pull_at: datetime | None
    now: datetime

    @property
    def is_published(self) -> bool:
        """Whether the marts were decided for this day."""
        return self.published_for == self.day

    @property
    def is_delivered(self) -> bool:
        """Whether every list of this day stands and every mail about them was sent."""
        wanted = {(one.brand, one.channel) for one in recipients()}
        standing = {(one.brand, one.channel) for one in self.lists}
        return self.is_published and wanted <= standing and all(mail.sent_at for mail in self.mails)

    @property
    def missing(self) -> str:
        """What is not done, in words."""
        if not self.is_published:
            last = f"the marts were last decided for {self.published_for}" if self.published_for else "nothing was ever"
            return f"{self.day} is not published: {last}"
        standing = {(one.brand, one.channel) for one in self.lists}
        lacking = [f"{one.brand} {one.channel}" for one in recipients() if (one.brand, one.channel) not in standing]
        unsent = sum(1 for mail in self.mails if mail.sent_at is None)
        return (
            f"{self.day} is published and not delivered: lists that lack: {', '.join(lacking) or 'none'};"
            f" mails not known to be sent: {unsent}"
        )

    @property
    def verdict(self) -> str:
        """In one word how the morning stands: done, running, or late."""
        if self.is_delivered:
            return "done"
        # an installation that began after the deadline, as one just made, has not missed it
        had_begun = self.published_at is not None or (
            self.first_pull_at is not None and self.first_pull_at < self.deadline
        )
        return "late" if self.now >= self.deadline and had_begun else "running"


def gather(connection: psycopg.Connection[Any], now: datetime | None = None) -> Today:
    """How the business day stands."""
    now = (now or settings.as_of()).astimezone(settings.BUSINESS_TIME_ZONE)
    cursor = connection.cursor(row_factory=namedtuple_row)

    def rows(query: str, needs: str, **values: Any) -> list[Any]:
        known = connection.execute("select to_regclass(%s) is not null", (needs,)).fetchone()
        return cursor.execute(query.encode(), values).fetchall() if known and known[0] else []

    newest = rows("select run_id, published_at, as_of from marts.publications order by published_at desc limit 1",
                  "marts.publications")  # fmt: skip
    published = newest[0] if newest else None
    published_for = published.as_of.astimezone(settings.BUSINESS_TIME_ZONE).date() if published else None
    shown = {"day": now.date(), "before": now.date() - timedelta(days=1)}
    names = {one.digest: one.name for one in recipients()}
    first = rows("select min(started_at) as at from raw.pulls", "raw.pulls")
    return Today(
        day=now.date(),
        run_id=published.run_id if published else None,
        published_at=published.published_at if published else None,
        published_for=published_for,
        deadline=datetime.combine(now.date(), settings.DELIVERED_BY, settings.BUSINESS_TIME_ZONE),
        freshness=rows(_FRESHNESS, "marts.source_freshness"),
        gate=rows(_GATE, "gate.runs"),
        counts=[(label, rows(query, query.rpartition(" ")[2])[0][0]) for label, query in _COUNTED if published],
        reach=rows(_REACH, "marts.reach_daily", **shown),
        lists=rows(_LISTS, "delivery.lists", **shown),
        mails=[
            Mail(names.get(one.recipient_digest, "a former recipient"), tuple(one.lists), one.sent_at)
            for one in rows(_MAILS, "delivery.mails", **shown)
        ],
        first_pull_at=first[0].at if first else None,
        now=now,
    )


def render(today: Today) -> str:
    """The page."""
    owners = {source.source: source.owner for source in registry.pulled_sources()}
    pages = {run.run_id: _page_of(run.run_id) for run in today.gate}
    return _template().render(today=today, owners=owners, pages=pages, local=_local)


def _page_of(run_id: str) -> str | None:
    folder = settings.home() / "gate"
    page = front_page(folder, run_id)
    return page.relative_to(folder).as_posix() if page.exists() else None


def _local(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return moment.astimezone(settings.BUSINESS_TIME_ZONE).strftime("%Y-%m-%d %H:%M")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("optkeeper.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("today.html.j2")
