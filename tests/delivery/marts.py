"""Minimal published marts for the tests of delivery, filled by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

AS_OF = datetime(2026, 3, 1, 5, 30, tzinfo=UTC)  # 06:30 in Amsterdam
TODAY = date(2026, 3, 1)

_TABLES = """
create schema marts;
create table marts.publications (
    run_id text primary key, published_at timestamptz not null, as_of timestamptz not null, policy_version text not null
);
create table marts.source_freshness (
    source text primary key, last_pull_at timestamptz, newest_record_at timestamptz, max_age_hours int not null,
    is_stale boolean not null
);
create table marts.renewal_due (
    contact_id text, address text, channel text, purpose text, brand text, first_name text, last_name text,
    company text, basis text, evidence_id text, expires_on date, days_left int, lead_channel text,
    opt_out_line text, stage text, asked_on date, address_written text, granted_on date, text_version text,
    consent_text text, form_url text, source text, anchored_by_type text, anchored_on date, incomplete_consent text,
    incomplete_consent_on date, incomplete_consent_lacks text
);
"""


def make(connection: Connection) -> None:
    """Empty marts with every registered source up to date, published as run-1."""
    connection.execute(_TABLES)
    for source in ("crm", "esp", "leadco", "listhouse", "web"):
        connection.execute(
            "insert into marts.source_freshness values (%s, %s, %s, 26, false)",
            (source, AS_OF - timedelta(hours=1), AS_OF - timedelta(hours=2)),
        )
    publish(connection, "run-1")


def publish(connection: Connection, run_id: str, *, as_of: datetime = AS_OF, policy_version: str = "policy-1") -> None:
    """Another publication of what stands in the marts."""
    connection.execute(
        "insert into marts.publications values (%s, clock_timestamp(), %s, %s)", (run_id, as_of, policy_version)
    )


def add(connection: Connection, contact_id: str, **columns: Any) -> None:
    """One row that is due for renewal; what is not named is ordinary."""
    row: dict[str, Any] = {
        "address": f"{contact_id}@klant.example",
        "channel": "email",
        "purpose": "newsletter",
        "brand": "noord",
        "first_name": "Zoë",
        "last_name": "'t Hart",
        "company": "Polder & Zonen",
        "basis": "consent",
        "evidence_id": f"web/{contact_id}",
        "days_left": 20,
        "lead_channel": "web_form",
        "stage": "new",
        "granted_on": date(2024, 2, 1),
        "text_version": "noord-news-v1",
        "consent_text": "Ja, stuur mij de nieuwsbrief.",
        "form_url": "https://noord.example/nieuwsbrief",
        "source": "web",
        "anchored_by_type": "link_clicked",
        "anchored_on": date(2024, 3, 21),
    } | columns
    needs_line = row["basis"] in ("soft_opt_in", "legitimate_interest")
    row = {"opt_out_line": "required" if needs_line else "not_required"} | row
    row = {"contact_id": contact_id, "expires_on": TODAY + timedelta(days=row["days_left"])} | row
    names = ", ".join(row)
    connection.execute(
        f"insert into marts.renewal_due ({names}) values ({', '.join(['%s'] * len(row))})".encode(), list(row.values())
    )


def withdraw(connection: Connection, contact_id: str) -> None:
    """The contact is no longer due: it withdrew."""
    connection.execute("delete from marts.renewal_due where contact_id = %s", (contact_id,))


def make_stale(connection: Connection, source: str, last_pull_at: datetime | None) -> None:
    """The source's data is old, or was never pulled."""
    connection.execute(
        "update marts.source_freshness set last_pull_at = %s, is_stale = true where source = %s", (last_pull_at, source)
    )
