"""The sample systems of the demo, in one process: a CRM, an e-mail platform, a vendors' SFTP server, a mail server.

Run as `python -m optkeeper.samples.world FOLDER YYYY-MM-DD`: fills them for that day, writes `world.json` with where
they listen once all do, and serves until it is ended.
"""

import json
import signal
import sys
import threading
from datetime import date
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from optkeeper.runtime.ports import free_port
from optkeeper.samples.deliveries import write_deliveries
from optkeeper.samples.hubspot import TOKEN, HubSpotServer
from optkeeper.samples.hubspot import populate as populate_hubspot
from optkeeper.samples.mailchimp import API_KEY, MailchimpServer
from optkeeper.samples.mailchimp import populate as populate_mailchimp
from optkeeper.samples.people import people
from optkeeper.samples.sftp import LOGIN, PASSWORD, SftpServer

PERSONS = 600


class Mailbox:
    """Keeps every mail that arrives as a file that a mail client opens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Takes one mail; one of the same Message-ID replaces it, as in a mail client."""
        message = message_from_bytes(envelope.content)
        name = "".join(sign if sign.isalnum() else "-" for sign in str(message["Message-ID"] or "unnamed").strip("<>"))
        written = self._folder / f".{name}.new"
        written.write_bytes(envelope.content)
        written.replace(self._folder / f"{name}.eml")
        return "250 OK"


def connections(world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The Airflow connections that lead to the sample systems."""
    sftp = f"sftp://127.0.0.1:{world['sftp_port']}"
    files = {"conn_type": "sftp", "login": LOGIN, "password": PASSWORD}
    return {
        "optkeeper_crm": {"conn_type": "http", "password": TOKEN, "extra": {"base_url": world["hubspot_url"]}},
        "optkeeper_esp": {"conn_type": "http", "password": API_KEY, "extra": {"base_url": world["mailchimp_url"]}},
        "optkeeper_leadco": {**files, "extra": {"url": f"{sftp}/leadco", "host_key": world["sftp_host_key"]}},
        "optkeeper_listhouse": {**files, "extra": {"url": f"{sftp}/listhouse", "host_key": world["sftp_host_key"]}},
        "optkeeper_web": {"conn_type": "fs", "extra": {"url": world["web_url"]}},
        "optkeeper_smtp": {
            "conn_type": "smtp", "host": "127.0.0.1", "port": world["smtp_port"],
            "extra": {
                "security": "none", "from_email": "optkeeper@noord.example", "alerts_to": "privacy@noord.example",
            },
        },
    }  # fmt: skip


def main(folder: Path, today: date) -> None:
    """Serves until the process is told to end."""
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    persons = list(people(PERSONS))
    deliveries = folder / "deliveries"
    write_deliveries(deliveries, persons, today)
    hubspot, mailchimp, sftp = HubSpotServer(), MailchimpServer(), SftpServer(deliveries, folder / "host-key")
    populate_hubspot(hubspot, persons, today)
    populate_mailchimp(mailchimp, persons, today)
    mail = Controller(Mailbox(folder.parent / "mailbox"), hostname="127.0.0.1", port=free_port())
    for server in (hubspot, mailchimp, sftp, mail):
        server.start()
    world = {
        "hubspot_url": hubspot.url,
        "mailchimp_url": mailchimp.url,
        "sftp_port": sftp.port,
        "sftp_host_key": sftp.host_key,
        "smtp_port": mail.port,
        "web_url": (deliveries / "web").as_uri(),
    }
    written = folder / "world.json.new"
    written.write_text(json.dumps(world))
    written.replace(folder / "world.json")
    ended.wait()
    for server in (mail, sftp, mailchimp, hubspot):
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
