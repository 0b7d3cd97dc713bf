"""The mail that announces a recipient's lists: its text, and the SMTP server that takes it."""

import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

from optkeeper.delivery.recipients import Recipient
from optkeeper.delivery.templates import environment
from optkeeper.delivery.wording import Wording
from optkeeper.sources.stream import ConnectionDetails

XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
Security = Literal["starttls", "ssl", "none"]


class MailError(Exception):
    """A mail was not taken. The text names the server and its answer's code, never an address."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """An SMTP server that takes our mail."""

    host: str
    port: int
    sender: str
    login: str = ""
    password: str = field(default="", repr=False)
    security: Security = "starttls"
    sender_name: str = "Optkeeper"
    timeout: float = 30.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # another than the system's, as for an own authority

    @classmethod
    def at(cls, connection: ConnectionDetails) -> "Mailer":
        """The server of a connection; its extra holds `from_email`, and `security` where it is not STARTTLS.

        Raises:
            MailError: the connection lacks what is needed.
        """
        security = str(connection.extra.get("security", "starttls"))
        sender = str(connection.extra.get("from_email", ""))
        if security not in ("starttls", "ssl", "none") or "@" not in sender or not connection.host:
            raise MailError("the SMTP connection needs a host, from_email, and a security of starttls, ssl or none")
        ports = {"starttls": 587, "ssl": 465, "none": 25}
        return cls(
            host=connection.host,
            port=connection.port or ports[security],
            sender=sender,
            login=connection.login,
            password=connection.password,
            security=security,  # type: ignore[arg-type]
        )

    @property
    def domain(self) -> str:
        """The domain that our mail is from."""
        return self.sender.rpartition("@")[2]

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hands a mail to the server.

        Raises:
            MailError: the server did not take it.
        """
        try:
            with self._session() as session:
                session.send_message(message, self.sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            codes = ", ".join(str(code) for code, _ in error.recipients.values())
            raise MailError(f"SMTP server {self.host}:{self.port} refused the recipient ({codes})") from None
        except smtplib.SMTPResponseException as error:
            raise MailError(f"SMTP server {self.host}:{self.port} answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailError(f"SMTP server {self.host}:{self.port}: {type(error).__name__}") from None

    def _session(self) -> smtplib.SMTP:
        context = self.tls or ssl.create_default_context()
        if self.security == "ssl":
            session: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            session = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.security == "starttls":
                session.starttls(context=context)
            if self.login:
                session.login(self.login, self.password)
        except BaseException:
            session.close()
            raise
        return session


@dataclass(frozen=True, slots=True)
class ListNews:
    """What a mail says of one list; `invitation` is empty where nobody is to be invited, or no form to renew on."""

    brand: str
    channel: str
    row_count: int
    waiting: int
    days_left: tuple[tuple[str, int], ...]
    stages: tuple[tuple[str, int], ...]
    purposes: tuple[tuple[str, int], ...]
    link: str
    import_link: str
    replaces: bool
    attached: bool
    too_large: bool
    has_form: bool
    invitation: str
    ask_name: str
    ask_email: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What a mail says: all news of a recipient's lists."""

    day: str
    lists: tuple[ListNews, ...]
    late: tuple[str, ...]
    rule: str

    @property
    def row_count(self) -> int:
        """How many are to be invited, over all lists."""
        return sum(one.row_count for one in self.lists)

    @property
    def replaces(self) -> bool:
        """Whether any list takes the place of one that was announced before."""
        return any(one.replaces for one in self.lists)

    @property
    def names(self) -> str:
        """The lists by brand and channel."""
        channels: dict[str, list[str]] = {}
        for one in self.lists:
            channels.setdefault(one.brand, []).append(one.channel)
        return "; ".join(f"{brand}, {', '.join(named)}" for brand, named in channels.items())

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """Whom to ask: name and address, each once."""
        return tuple(dict.fromkeys((one.ask_name, one.ask_email) for one in self.lists if one.ask_email))


def compose(
    digest: Digest,
    *,
    recipient: Recipient,
    wording: Wording,
    mailer: Mailer,
    message_id: str,
    claimed_at: datetime,
    attachments: Sequence[tuple[str, bytes]] = (),
) -> EmailMessage:
    """The mail about a recipient's lists; composed again from the same, it is the same byte for byte."""
    message = EmailMessage(policy=SMTP)
    subject = wording.subject_replaced if digest.replaces else wording.subject
    message["Subject"] = subject.format(lists=digest.names, count=wording.number(digest.row_count), day=digest.day)
    message["From"] = Address(mailer.sender_name, addr_spec=mailer.sender)
    message["To"] = Address(recipient.name, addr_spec=recipient.email)
    message["Date"] = claimed_at
    message["Message-ID"] = message_id
    message["Content-Language"] = wording.language
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies, please
    said = {"digest": digest, "words": wording, "recipient": recipient}
    for kind in ("txt", "html"):
        text = environment().get_template(f"digest.{kind}.j2").render(said)
        if kind == "txt":
            message.set_content(text)
        else:
            message.add_alternative(text, subtype="html")
    for name, content in attachments:
        message.add_attachment(content, maintype=XLSX[0], subtype=XLSX[1], filename=name)
    seed = hashlib.sha256(message_id.encode()).hexdigest()[:24]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{seed}_{number}")
    return message
