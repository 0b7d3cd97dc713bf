"""What was delivered and what was mailed, in the warehouse's schema `delivery`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg

from optkeeper.delivery.recipients import LIST, Recipient


class DeliveredList(NamedTuple):
    """The newest revision of a list of one day, brand and channel."""

    revision: int
    rows_digest: str
    content_digest: str
    digest: str
    row_count: int
    urls: tuple[str, ...]
    run_id: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that was or is about to be sent."""

    revision: int
    rows_digest: str
    message_id: str
    replaces: bool
    claimed_at: datetime
    sent_at: datetime | None


@contextmanager
def alone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Makes the schema where it lacks, and keeps a second delivery waiting until this one has ended or died."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('optkeeper.delivery.schema'))")
        connection.execute(files("optkeeper.delivery").joinpath("schema.sql").read_bytes())
    connection.execute("select pg_advisory_lock(hashtext('optkeeper.deliver'))")
    try:
        yield
    finally:
        if not connection.broken and not connection.closed:
            connection.execute("select pg_advisory_unlock(hashtext('optkeeper.deliver'))")


def delivered(connection: psycopg.Connection[Any], day: date, brand: str, channel: str) -> DeliveredList | None:
    """The newest revision that was delivered whole, or None."""
    row = connection.execute(
        "select revision, rows_digest, content_digest, digest, row_count, urls, run_id, policy_version"
        " from delivery.lists where list = %s and list_date = %s and brand = %s and channel = %s"
        " order by revision desc limit 1",
        (LIST, day, brand, channel),
    ).fetchone()
    return None if row is None else DeliveredList(*row)._replace(urls=tuple(row[5]))


def record(connection: psycopg.Connection[Any], day: date, brand: str, channel: str, made: DeliveredList) -> None:
    """Remembers a revision whose files and manifest stand; one that was restored takes its new digests."""
    connection.execute(
        "insert into delivery.lists (list, list_date, brand, channel, revision, rows_digest, content_digest, digest,"
        " row_count, urls, run_id, policy_version, delivered_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (list, list_date, brand, channel, revision) do update set digest = excluded.digest,"
        " urls = excluded.urls, run_id = excluded.run_id, delivered_at = excluded.delivered_at",
        (LIST, day, brand, channel, made.revision, made.rows_digest, made.content_digest, made.digest,
         made.row_count, list(made.urls), made.run_id, made.policy_version, datetime.now(UTC)),
    )  # fmt: skip


def remember_asked(connection: psycopg.Connection[Any], day: date, brand: str, channel: str) -> None:
    """Remembers whom the list of a day asks, by which the next ones leave them out (R5).

    Who was on an earlier revision of that day stays remembered: the invitation may have gone.
    """
    connection.execute(
        "insert into raw.delivered_renewals (list_date, channel, address, purpose, brand)"
        " select distinct %s::date, channel, address, purpose, brand from marts.renewal_due"
        " where brand = %s and channel = %s and stage <> 'asked_waiting' on conflict do nothing",
        (day, brand, channel),
    )


def last_mail(
    connection: psycopg.Connection[Any], day: date, brand: str, channel: str, recipient: Recipient
) -> ClaimedMail | None:
    """The last mail about this list that was claimed for this recipient, or None."""
    row = connection.execute(
        "select revision, rows_digest, message_id, replaces, claimed_at, sent_at from delivery.mails"
        " where list = %s and list_date = %s and brand = %s and channel = %s and recipient_digest = %s"
        " order by revision desc limit 1",
        (LIST, day, brand, channel, recipient.digest),
    ).fetchone()
    return None if row is None else ClaimedMail(*row)


def claim(
    connection: psycopg.Connection[Any],
    day: date,
    brand: str,
    channel: str,
    recipient: Recipient,
    made: DeliveredList,
    *,
    domain: str,
    replaces: bool,
) -> ClaimedMail:
    """Claims the mail about a revision before it is sent; its Message-ID follows from what it is about."""
    message_id = f"<{LIST}.{day.isoformat()}.{brand}.{channel}.{made.revision}.{recipient.digest[:16]}@{domain}>"
    row = connection.execute(
        "insert into delivery.mails (list, list_date, brand, channel, revision, recipient_digest, rows_digest,"
        " message_id, replaces, claimed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " returning revision, rows_digest, message_id, replaces, claimed_at, sent_at",
        (LIST, day, brand, channel, made.revision, recipient.digest, made.rows_digest, message_id, replaces,
         datetime.now(UTC).replace(microsecond=0)),
    ).fetchone()  # fmt: skip
    if row is None:
        raise RuntimeError("the claim of a mail returned no row")
    return ClaimedMail(*row)


def mark_sent(connection: psycopg.Connection[Any], message_id: str) -> None:
    """Remembers that the server took a mail."""
    connection.execute("update delivery.mails set sent_at = %s where message_id = %s", (datetime.now(UTC), message_id))
