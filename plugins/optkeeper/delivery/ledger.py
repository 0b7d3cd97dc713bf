"""What was delivered and what was mailed, in the warehouse's schema `delivery`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

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
    """A mail that was or is about to be sent: the lists that it tells of, each with the digest of its rows."""

    lists: Mapping[str, str]
    replaces: Sequence[str]
    message_id: str
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


def claim_news(
    connection: psycopg.Connection[Any], day: date, recipient: Recipient, digests: Mapping[str, str], *, domain: str
) -> ClaimedMail | None:
    """Claims the mail with what a recipient was not told yet, before it is sent; None where there is no news.

    A mail that was claimed and is not known to be sent is claimed again as it was, where its news is still the news.

    Args:
        connection: to the warehouse.
        day: the business date of the lists.
        recipient: whom they are for.
        digests: of the rows of each of the recipient's lists, by brand and channel.
        domain: that our mail is from.
    """
    rows = connection.execute(
        "select lists, replaces, message_id, claimed_at, sent_at from delivery.mails"
        " where list = %s and list_date = %s and recipient_digest = %s order by place",
        (LIST, day, recipient.digest),
    ).fetchall()
    mails = [ClaimedMail(*row) for row in rows]
    told = {key: digest for mail in mails if mail.sent_at for key, digest in mail.lists.items()}
    news = {key: digest for key, digest in digests.items() if told.get(key) != digest}
    if not news:
        return None
    if mails and mails[-1].sent_at is None and mails[-1].lists == news:
        return mails[-1]
    # its server may have taken a mail of which we do not know that it was sent
    replaces = sorted({key for mail in mails for key in mail.lists} & set(news))
    message_id = f"<{LIST}.{day.isoformat()}.{len(mails) + 1}.{recipient.digest[:16]}@{domain}>"
    claimed = ClaimedMail(news, replaces, message_id, datetime.now(UTC).replace(microsecond=0), None)
    connection.execute(
        "insert into delivery.mails (list, list_date, recipient_digest, place, lists, replaces, message_id, claimed_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (LIST, day, recipient.digest, len(mails) + 1, Jsonb(news), replaces, message_id, claimed.claimed_at),
    )
    return claimed


def mark_sent(connection: psycopg.Connection[Any], message_id: str) -> None:
    """Remembers that the server took a mail."""
    connection.execute("update delivery.mails set sent_at = %s where message_id = %s", (datetime.now(UTC), message_id))
