"""What is published now: the newest publication, its renewal-due rows and the age of its sources."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from optkeeper import registry, settings
from optkeeper.warehouse import restored


class NothingPublished(Exception):
    """There is no publication to deliver."""


class Ground(NamedTuple):
    """Why one purpose of an invitation is due, on what evidence, and what would make the invitation needless."""

    purpose: str
    basis: str
    granted_on: date
    form_url: str | None
    text_version: str | None
    consent_text: str | None
    source: str
    anchored_by_type: str
    anchored_on: date
    expires_on: date
    incomplete_consent: str | None
    incomplete_consent_on: date | None
    incomplete_consent_lacks: str | None


class Invitation(NamedTuple):
    """One person at one address, invited once for all that is due there: rows of `marts.renewal_due`."""

    contact_id: str
    channel: str
    address: str
    address_written: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    purposes: str
    stage: str
    basis: str
    opt_out_line: str
    lead_channel: str | None
    expires_on: date
    days_left: int
    asked_on: date | None
    evidence_id: str
    grounds: tuple[Ground, ...]


_INVITATION = msgspec.json.Decoder(Invitation)
COLUMNS = Invitation._fields[:-1]  # all but the grounds, which are told in words
SEPARATOR = "|"  # of several values in one cell; no code holds it

# What is due soonest speaks for the invitation, and so does the most urgent stage. Ordered by bytes, so that the same
# rows give the same file under every collation. A row is one JSON text in the order of `Invitation`.
_ROWS = """
select json_build_array(
    contact_id,
    channel,
    address,
    min(address_written),
    min(first_name),
    min(last_name),
    min(company),
    string_agg(purpose, '|' order by expires_on, purpose collate "C"),
    (array_agg(stage order by array_position(array['last_chance', 'reminder', 'new'], stage)))[1],
    string_agg(distinct basis collate "C", '|'),
    case when bool_or(opt_out_line = 'required') then 'required' else 'not_required' end,
    (array_agg(lead_channel order by expires_on, purpose collate "C"))[1],
    min(expires_on),
    min(days_left),
    max(asked_on),
    string_agg(distinct evidence_id collate "C", ' | '),
    json_agg(json_build_array({grounds}) order by expires_on, purpose collate "C")
)::text
from marts.renewal_due
where brand = %s and channel = %s and stage <> 'asked_waiting'
group by contact_id, channel, address
order by min(expires_on), address collate "C", contact_id collate "C"
""".format(grounds=", ".join(Ground._fields))


@dataclass(frozen=True, slots=True)
class Publication:
    """The newest row of `marts.publications`."""

    run_id: str
    as_of: datetime
    policy_version: str

    @property
    def list_date(self) -> date:
        """The business date that the lists are for (R1)."""
        return self.as_of.astimezone(settings.BUSINESS_TIME_ZONE).date()


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How old the data of one source is, as `marts.source_freshness` says."""

    source: str
    last_pull_at: datetime | None
    newest_record_at: datetime | None
    is_stale: bool


@dataclass(slots=True)
class Summary:
    """What a list holds, in numbers; nothing of it names a person."""

    row_count: int = 0
    purposes: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    days_left: Counter[int] = field(default_factory=Counter)
    rows_digest: str = ""


def newest_publication(connection: psycopg.Connection[Any]) -> Publication:
    """What is published now.

    Raises:
        NothingPublished: nothing has been published yet, or nothing since the warehouse was restored from a backup.
    """
    known = connection.execute("select to_regclass('marts.publications')").fetchone()
    row = None
    if known is not None and known[0] is not None:
        row = connection.execute(
            "select run_id, as_of, policy_version, published_at from marts.publications"
            " order by published_at desc limit 1"
        ).fetchone()
    if row is None:
        raise NothingPublished("nothing has been published yet: marts.publications has no row")
    *publication, published_at = row
    restored_at = restored.last(connection)
    if restored_at is not None and published_at < restored_at:
        raise NothingPublished(
            "nothing has been published since the warehouse was restored at"
            f" {restored_at.isoformat(timespec='seconds')}: who has opted out since the backup is not known yet"
        )
    return Publication(*publication)


def source_ages(connection: psycopg.Connection[Any]) -> list[SourceAge]:
    """The age of every source that is pulled; one that the publication does not know is as one never pulled."""
    rows = connection.execute(
        "select source, last_pull_at, newest_record_at, is_stale from marts.source_freshness"
    ).fetchall()
    ages = {row[0]: SourceAge(*row) for row in rows}
    for source in registry.pulled_sources():
        ages.setdefault(source.source, SourceAge(source.source, None, None, is_stale=True))
    return [ages[source] for source in sorted(ages)]


def row_counts(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], int]:
    """How many invitations each brand and channel has."""
    rows = connection.execute(
        "select brand, channel, count(*) from (select distinct brand, channel, contact_id, address"
        " from marts.renewal_due where stage <> 'asked_waiting') as invitations group by 1, 2"
    ).fetchall()
    return {(brand, channel): count for brand, channel, count in rows}


def waiting(connection: psycopg.Connection[Any], brand: str, channel: str) -> int:
    """How many persons at an address are due on one list and all wait, since they were asked only lately."""
    row = connection.execute(
        "select count(*) from (select from marts.renewal_due where brand = %s and channel = %s"
        " group by contact_id, address having bool_and(stage = 'asked_waiting')) as invitations",
        (brand, channel),
    ).fetchone()
    return row[0] if row else 0


def rows(connection: psycopg.Connection[Any], brand: str, channel: str) -> Iterator[Invitation]:
    """The rows of one list, the soonest to expire first; streamed, so only within a transaction."""
    with connection.cursor(name="renewal_due_rows") as cursor:
        cursor.itersize = 5_000
        cursor.execute(_ROWS, (brand, channel))
        for (row,) in cursor:
            yield _INVITATION.decode(row)


def kept(due: Iterable[Invitation], file: Path) -> Summary:
    """Keeps the rows in a file, each on a line, and answers the numbers and the digest of the list.

    Its files begin with its numbers, so that it is looked through twice; the database sorts and joins it once.
    """
    summary, digest = Summary(), hashlib.sha256()
    with file.open("wb") as lines:
        for row in due:
            summary.row_count += 1
            summary.purposes.update(row.purposes.split(SEPARATOR))
            summary.bases.update(row.basis.split(SEPARATOR))
            summary.stages[row.stage] += 1
            summary.days_left[row.days_left] += 1
            line = msgspec.json.encode(row) + b"\n"
            lines.write(line)
            digest.update(line)
    summary.rows_digest = digest.hexdigest()
    return summary


def read_again(file: Path) -> Iterator[Invitation]:
    """The rows that were kept there."""
    with file.open("rb") as lines:
        yield from map(_INVITATION.decode, lines)
