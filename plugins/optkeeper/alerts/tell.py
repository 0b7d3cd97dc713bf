"""Telling an owner: by mail, and to a webhook where one is connected."""

import hashlib
import logging
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid

import httpx

from optkeeper import connections, steps
from optkeeper.alerts.problem import Owner
from optkeeper.delivery.mail import Mailer, MailError

WEBHOOK_CONNECTION = "optkeeper_alerts_webhook"
_SECONDS = 10
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """What is told; the thread is the same for a problem and for its end, so that mail clients show them together."""

    title: str
    text: str
    thread: str
    is_over: bool


def tell(message: Message, to: Owner | None) -> bool:
    """Mails and posts a message; answers whether anybody was reached. Who is not is logged, and nothing fails."""
    log.warning("%s\n%s", message.title, message.text)
    mailed, posted = _mail(message, to), _post(message)
    return mailed or posted


def _mail(message: Message, to: Owner | None) -> bool:
    details = connections.find(steps.SMTP_CONNECTION)
    otherwise = str(details.extra.get("alerts_to", "")) if details else ""
    address = to.email if to else otherwise
    if details is None or not address:
        log.warning("no alert mail: no owner's address, and connection %s names no alerts_to", steps.SMTP_CONNECTION)
        return False
    try:
        mailer = Mailer.at(details)
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = Address("Optkeeper", addr_spec=mailer.sender)
        mail["To"] = Address(to.name if to else "", addr_spec=address)
        mail["Date"] = localtime()
        first = f"<alert.{hashlib.sha256(message.thread.encode()).hexdigest()[:24]}@{mailer.domain}>"
        mail["Message-ID"] = make_msgid(domain=mailer.domain)
        mail["References"] = first
        mail["Auto-Submitted"] = "auto-generated"
        if not message.is_over:
            mail["X-Priority"] = "2"
        mail.set_content(message.text)
        mailer.send(mail, address)
    except MailError as refused:
        log.error("the alert could not be mailed: %s", refused)
        return False
    return True


def _post(message: Message) -> bool:
    """As Slack, Teams and Mattermost take it: JSON with a text."""
    details = connections.find(WEBHOOK_CONNECTION)
    if details is None:
        return False
    address = details.host if "://" in details.host else f"https://{details.host}/{details.schema}"
    try:
        answer = httpx.post(address, json={"text": f"*{message.title}*\n{message.text}"}, timeout=_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as problem:  # its own text may name the address, which is a secret
        log.error("the alert could not be posted to %s: %s", WEBHOOK_CONNECTION, type(problem).__name__)
        return False
    return True
