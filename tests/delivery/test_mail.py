import dataclasses
import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from optkeeper.delivery import deliver as module
from optkeeper.delivery import mail
from optkeeper.delivery.deliver import deliver
from optkeeper.delivery.mail import Digest, ListNews, Mailer, MailError
from optkeeper.delivery.recipients import Recipient
from optkeeper.delivery.wording import WORDINGS
from optkeeper.sources.stream import ConnectionDetails

from tests.delivery import marts
from tests.delivery.conftest import Inbox, free_port

Connection = psycopg.Connection[Any]

OWNER = Recipient("noord", "email", "Team Noord", "team@noord.example", "nl", attach=False)
LIST = ListNews(
    brand="Noord",
    channel="E-mail",
    row_count=1234,
    waiting=12,
    days_left=(("0 tot en met 7 dagen", 4),),
    purposes=(("Newsletter", 4),),
    stages=(("E-mail", 1230),),
    link="https://lists.example/a.xlsx",
    import_link="https://lists.example/a.import.csv",
    replaces=False,
    attached=False,
    too_large=False,
    has_form=True,
    invitation="Beste [voornaam],\n\nBevestig op https://noord.example/voorkeuren",
    ask_name="Privacy Noord",
    ask_email="privacy@noord.example",
)
DIGEST = Digest(
    day="1 maart 2026",
    lists=(LIST,),
    late=("De CRM-gegevens (crm) zijn van gisteren 06:00; wijzigingen daarna staan niet in deze lijst.",),
    rule="De regel.",
)


def _of(*lists: ListNews) -> Digest:
    return dataclasses.replace(DIGEST, lists=lists)


def _compose(digest: Digest = DIGEST, owner: Recipient = OWNER, **options: Any) -> Any:
    return mail.compose(
        digest,
        recipient=owner,
        wording=WORDINGS[owner.language],
        mailer=Mailer("localhost", 25, "lists@optkeeper.example"),
        message_id="<one@optkeeper.example>",
        claimed_at=dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC),
        **options,
    )


def _part(message: Any, kind: str) -> str:
    return str(message.get_body((kind,)).get_content())


def test_the_mail_says_in_dutch_what_the_list_holds() -> None:
    message = _compose()
    text = " ".join(_part(message, "plain").split())
    assert message["Subject"] == "Noord, E-mail: 1.234 te vernieuwen op 1 maart 2026"
    assert "Op de lijst van 1 maart 2026 staan 1.234 contactpunten waarvan de toestemming binnenkort verloopt" in text
    assert "0 tot en met 7 dagen: 4" in text
    assert "LET OP: VEROUDERDE GEGEVENS - De CRM-gegevens (crm) zijn van gisteren 06:00" in text
    assert text.index("Open de lijst: https://lists.example/a.xlsx") < text.index("0 tot en met 7 dagen: 4")
    assert "Beste [voornaam], Bevestig op https://noord.example/voorkeuren" in text
    assert text.endswith("Vragen? Privacy Noord, privacy@noord.example")
    html = _part(message, "html")
    assert '<a href="https://lists.example/a.xlsx"' in html
    assert "1.234 contactpunten" in html
    assert "De CRM-gegevens (crm)" in html


def test_the_mail_says_in_english_what_the_list_holds() -> None:
    message = _compose(owner=dataclasses.replace(OWNER, language="en"))
    assert message["Subject"] == "Noord, E-mail: 1,234 due for renewal on 1 maart 2026"
    assert "holds 1,234 contact points whose permission will soon expire" in " ".join(_part(message, "plain").split())
    assert "holds 1,234 contact points" in " ".join(_part(message, "html").split())


def test_a_replacing_mail_is_short_and_says_to_delete_the_earlier_list() -> None:
    for language, said in (("nl", "verwijder haar"), ("en", "delete it")):
        owner = dataclasses.replace(OWNER, language=language)
        message = _compose(_of(dataclasses.replace(LIST, replaces=True)), owner)
        for kind in ("plain", "html"):
            assert said in _part(message, kind)
            assert "De regel." not in _part(message, kind)
        assert len(_part(message, "plain")) < len(_part(_compose(owner=owner), "plain"))


def test_the_mail_is_composed_again_byte_for_byte() -> None:
    attachments = [("list.xlsx", b"PK content")]
    assert bytes(_compose(attachments=attachments)) == bytes(_compose(attachments=attachments))


def test_what_looks_like_html_is_text() -> None:
    message = _compose(_of(dataclasses.replace(LIST, channel="<script>alert(1)</script>")))
    assert "<script>" not in _part(message, "html")
    assert "<script>" in _part(message, "plain")


@pytest.mark.parametrize(
    ("owner", "digest"),
    [
        (dataclasses.replace(OWNER, name="Team\r\nBcc: x@evil.example"), DIGEST),
        (dataclasses.replace(OWNER, email="a@b.example\r\nBcc: x@evil.example"), DIGEST),
        (OWNER, _of(dataclasses.replace(LIST, channel="x\r\nBcc: x@evil.example"))),
    ],
)
def test_a_line_break_in_a_header_is_refused(owner: Recipient, digest: Digest) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        _compose(digest, owner)


def test_the_spreadsheet_is_attached_where_the_owner_wants_it_and_else_linked(
    published: Connection, tmp_path: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    deliver(published, destination_url=tmp_path.as_uri(), mailer=mailer, links_url="https://lists.example/marketing/")
    (attached,) = received.about("emailmarketing@noord.example")
    (linked,) = received.about("telemarketing@noord.example")
    (empty,) = received.about("marketing@zuid.example")
    assert list(empty.iter_attachments()) == []
    (part,) = attached.iter_attachments()
    assert part.get_filename() == "renewal_due_2026-03-01_noord_email.xlsx"
    assert part.get_content() == (tmp_path / "renewal_due/2026-03-01/noord/email.xlsx").read_bytes()
    assert list(linked.iter_attachments()) == []
    link = "https://lists.example/marketing/renewal_due/2026-03-01/noord/phone.xlsx"
    assert link in _part(linked, "plain")
    assert "klant.example" not in _part(attached, "plain") + _part(attached, "html")


def test_a_spreadsheet_too_large_to_mail_is_linked(
    published: Connection, tmp_path: Path, mailer: Mailer, received: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_ATTACHMENT", 100)
    marts.add(published, "c1")
    deliver(published, destination_url=tmp_path.as_uri(), mailer=mailer)
    (message,) = received.about("emailmarketing@noord.example")
    assert list(message.iter_attachments()) == []
    assert "te groot om bij te voegen" in _part(message, "plain")


def test_each_mail_goes_to_its_owner_alone(
    published: Connection, tmp_path: Path, mailer: Mailer, received: Inbox
) -> None:
    deliver(published, destination_url=tmp_path.as_uri(), mailer=mailer)
    assert {len(recipients) for recipients, _ in received.received} == {1}
    assert len({recipients[0] for recipients, _ in received.received}) == 5
    assert len({str(message["Message-ID"]) for message in received.messages}) == 5


def _certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, both = folder / "public.pem", folder / "both.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + public.read_bytes())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cafile=str(public))


def test_login_happens_only_over_tls_to_a_server_that_proves_who_it_is(tmp_path: Path) -> None:
    server_tls, known = _certificate(tmp_path)
    inbox = Inbox()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"optkeeper", b"secret"), handled=False)

    controller = Controller(
        inbox, hostname="127.0.0.1", port=free_port(), tls_context=server_tls, require_starttls=True,
        auth_required=True, authenticator=authenticate,
    )  # fmt: skip
    controller.start()
    try:
        trusted = Mailer("localhost", controller.port, "a@b.example", "optkeeper", "secret", tls=known)
        trusted.send(_compose(), OWNER.email)
        assert [recipients for recipients, _ in inbox.received] == [[OWNER.email]]
        for wrong in (dataclasses.replace(trusted, password="no"), dataclasses.replace(trusted, tls=None)):
            with pytest.raises(MailError) as raised:
                wrong.send(_compose(), OWNER.email)
            assert OWNER.email not in str(raised.value)
            assert "secret" not in str(raised.value)
    finally:
        controller.stop()
    assert len(inbox.received) == 1


def test_a_server_that_is_not_there_is_an_error_without_an_address() -> None:
    port = free_port()
    with pytest.raises(MailError, match=f"127.0.0.1:{port}: ConnectionRefusedError"):
        Mailer("127.0.0.1", port, "a@b.example", security="none").send(_compose(), OWNER.email)


def test_the_mailer_of_a_connection_uses_starttls_unless_told_otherwise() -> None:
    mailer = Mailer.at(ConnectionDetails("smtp.example", None, "me", "secret", extra={"from_email": "a@b.example"}))
    assert (mailer.port, mailer.security, mailer.domain) == (587, "starttls", "b.example")
    assert "secret" not in repr(mailer)
    extra = {"from_email": "a@b.example", "security": "none"}
    assert Mailer.at(ConnectionDetails("localhost", 2525, extra=extra)).port == 2525
    for wrong in ({}, {"from_email": "a@b.example", "security": "maybe"}):
        with pytest.raises(MailError, match="SMTP connection needs"):
            Mailer.at(ConnectionDetails("smtp.example", extra=wrong))
