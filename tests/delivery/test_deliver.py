import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from optkeeper import registry, settings
from optkeeper.delivery import deliver as module
from optkeeper.delivery import invitations, ledger
from optkeeper.delivery.deliver import DeliveryReport, deliver
from optkeeper.delivery.mail import Mailer
from optkeeper.delivery.published import NothingPublished
from optkeeper.delivery.storage import Destination
from optkeeper.warehouse import restored

from tests.delivery import marts
from tests.delivery.conftest import Inbox

Connection = psycopg.Connection[Any]

NOORD_EMAIL = "emailmarketing@noord.example"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return tmp_path / "lists to read"


def _deliver(connection: Connection, lists: Path, mailer: Mailer | None = None, **options: Any) -> DeliveryReport:
    return deliver(connection, destination_url=lists.as_uri(), mailer=mailer, **options)


def _files(lists: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lists)): path.read_bytes() for path in sorted(lists.rglob("*")) if path.is_file()}


def _states(report: DeliveryReport) -> set[str]:
    return {outcome.state for outcome in report.lists}


def _manifest(lists: Path, brand: str = "noord", channel: str = "email") -> dict[str, Any]:
    path = lists / f"renewal_due/2026-03-01/{brand}/{channel}.manifest.json"
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def _rows(lists: Path, brand: str, channel: str) -> list[dict[str, str]]:
    with (lists / f"renewal_due/2026-03-01/{brand}/{channel}.import.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_brand_and_channel_with_a_recipient_gets_its_list_also_an_empty_one(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    report = _deliver(published, lists, mailer)
    assert sorted(_files(lists)) == [
        f"renewal_due/2026-03-01/{brand}/{channel}.{kind}"
        for brand in ("noord", "zuid")
        for channel in ("email", "phone", "post", "sms")
        for kind in ("csv", "import.csv", "manifest.json", "xlsx")
    ]
    assert {(one.brand, one.channel): one.row_count for one in report.lists if one.row_count} == {("noord", "email"): 1}
    assert (report.mails_sent, len(received.messages)) == (5, 5)
    assert (report.warnings, report.failures) == ((), ())
    assert "is leeg" in _text(received.about("telemarketing@noord.example")[0])


def test_one_invitation_covers_all_that_is_due_of_a_person_at_an_address(published: Connection, lists: Path) -> None:
    marts.add(published, "c1", days_left=20, lead_channel="event", evidence_id="web/2")
    marts.add(published, "c1", purpose="events", days_left=5, stage="last_chance", basis="soft_opt_in", asked_on=None)
    marts.add(published, "c1", purpose="product_news", days_left=9, stage="reminder", asked_on=date(2026, 2, 1))
    marts.add(published, "c1", address="ander@klant.example", days_left=40)
    marts.add(published, "c1", channel="phone", address="+31201234567")
    _deliver(published, lists)
    first, second = _rows(lists, "noord", "email")
    assert {name: first[name] for name in ("purposes", "stage", "basis", "opt_out_line", "lead_channel", "expires_on")} == {
        "purposes": "events|product_news|newsletter", "stage": "last_chance", "basis": "consent|soft_opt_in",
        "opt_out_line": "required", "lead_channel": "web_form", "expires_on": "2026-03-06",
    }  # fmt: skip
    assert (first["days_left"], first["asked_on"], first["evidence_id"]) == ("5", "2026-02-01", "web/2 | web/c1")
    assert second["address"] == "ander@klant.example"
    assert [row["address"] for row in _rows(lists, "noord", "phone")] == ["+31201234567"]


def test_who_was_asked_lately_is_left_out_and_counted(published: Connection, lists: Path) -> None:
    marts.add(published, "waits", stage="asked_waiting")
    marts.add(published, "waits", purpose="events", stage="asked_waiting")
    marts.add(published, "half", stage="asked_waiting")
    marts.add(published, "half", purpose="events")
    _deliver(published, lists)
    assert [(row["contact_id"], row["purposes"]) for row in _rows(lists, "noord", "email")] == [("half", "events")]
    assert (_manifest(lists)["row_count"], _manifest(lists)["asked_waiting"]) == (1, 1)


def test_whom_a_list_asks_is_remembered_once_with_its_day(published: Connection, lists: Path) -> None:
    marts.add(published, "asked")
    marts.add(published, "withdraws")
    marts.add(published, "waits", stage="asked_waiting")
    _deliver(published, lists)
    marts.withdraw(published, "withdraws")
    marts.publish(published, "run-2")
    _deliver(published, lists)
    remembered = published.execute(
        "select list_date, channel, address, purpose, brand from raw.delivered_renewals order by address"
    ).fetchall()
    assert remembered == [
        (marts.TODAY, "email", f"{who}@klant.example", "newsletter", "noord") for who in ("asked", "withdraws")
    ]


def test_the_manifest_tells_the_truth_about_its_files(published: Connection, lists: Path) -> None:
    for number in range(3):
        marts.add(published, f"c{number}")
    _deliver(published, lists)
    manifest = _manifest(lists)
    assert manifest["row_count"] == 3
    assert (manifest["run_id"], manifest["policy_version"], manifest["revision"]) == ("run-1", "policy-1", 1)
    assert datetime.fromisoformat(manifest["as_of"]) == marts.AS_OF
    assert [file["name"] for file in manifest["files"]] == ["email.csv", "email.xlsx", "email.import.csv"]
    for file in manifest["files"]:
        content = (lists / "renewal_due/2026-03-01/noord" / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])


def test_the_list_date_is_the_business_date_and_not_that_of_utc(published: Connection, lists: Path) -> None:
    marts.publish(published, "run-2", as_of=datetime.fromisoformat("2026-03-01T23:30:00+00:00"))
    assert _deliver(published, lists).list_date == "2026-03-02"


def test_a_second_run_changes_nothing_and_mails_nothing(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    before, rows, stamps = _files(lists), _ledger(published), _stamps(lists)
    report = _deliver(published, lists, mailer)
    assert _states(report) == {"unchanged"}
    assert report.mails_sent == 0
    assert (_files(lists), _ledger(published), _stamps(lists)) == (before, rows, stamps)
    assert len(received.messages) == 5


def test_another_publication_with_the_same_rows_changes_nothing(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    before = _files(lists)
    published.execute("update marts.source_freshness set last_pull_at = last_pull_at + interval '1 hour'")
    marts.publish(published, "run-2", as_of=marts.AS_OF + timedelta(hours=2))
    assert _states(_deliver(published, lists, mailer)) == {"unchanged"}
    assert _files(lists) == before
    assert len(received.messages) == 5


def test_who_withdrew_since_leaves_the_list_and_only_its_owner_is_told(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "stays")
    marts.add(published, "goes")
    _deliver(published, lists, mailer)
    marts.withdraw(published, "goes")
    marts.publish(published, "run-2")
    report = _deliver(published, lists, mailer)
    assert [(one.brand, one.channel) for one in report.lists if one.state == "replaced"] == [("noord", "email")]
    csv_file = (lists / "renewal_due/2026-03-01/noord/email.import.csv").read_text()
    assert "stays@" in csv_file
    assert "goes@" not in csv_file
    assert (_manifest(lists)["revision"], _manifest(lists)["run_id"]) == (2, "run-2")
    first, second = received.about(NOORD_EMAIL)
    assert len(received.messages) == 6
    assert str(second["Subject"]).startswith("Vervangen: ")
    assert "vervangt de eerdere lijst van vandaag" in _text(second)
    assert first["Message-ID"] != second["Message-ID"]
    assert _states(_deliver(published, lists, mailer)) == {"unchanged"}
    assert len(received.messages) == 6


def test_rows_that_come_back_are_a_third_revision_that_is_told_too(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    marts.withdraw(published, "c1")
    marts.publish(published, "run-2")
    _deliver(published, lists, mailer)
    marts.add(published, "c1")
    marts.publish(published, "run-3")
    _deliver(published, lists, mailer)
    assert _manifest(lists)["revision"] == 3
    assert len({str(message["Message-ID"]) for message in received.about(NOORD_EMAIL)}) == 3


def test_a_source_that_became_late_replaces_the_files_without_a_mail(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    _deliver(published, lists, mailer)
    marts.make_stale(published, "crm", marts.AS_OF - timedelta(hours=30))
    marts.publish(published, "run-2")
    report = _deliver(published, lists, mailer)
    assert _states(report) == {"replaced"}
    assert _manifest(lists)["late_sources"] == ["crm"]
    assert len(received.messages) == 5


def test_a_list_that_was_lost_is_put_back_without_a_mail(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    before = _files(lists)
    (lists / "renewal_due/2026-03-01/noord/email.xlsx").unlink()
    report = _deliver(published, lists, mailer)
    assert [one.channel for one in report.lists if one.state == "restored"] == ["email"]
    assert _files(lists) == before
    assert len(received.messages) == 5


def test_the_same_rows_give_the_same_bytes_in_another_warehouse_order(published: Connection, tmp_path: Path) -> None:
    for name in ("b", "A", "é", "a"):
        marts.add(published, name)
    _deliver(published, tmp_path / "one")
    published.execute("truncate delivery.lists; delete from marts.renewal_due")
    for name in ("é", "a", "b", "A"):
        marts.add(published, name)
    _deliver(published, tmp_path / "two")
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_contacts_that_nobody_is_to_receive_are_a_warning_and_the_rest_is_delivered(
    published: Connection, lists: Path
) -> None:
    marts.add(published, "c1", brand="oost")
    marts.add(published, "c2")
    report = _deliver(published, lists)
    assert len(report.warnings) == 1
    assert "'oost'" in report.warnings[0]
    assert ": 1 due for" in report.warnings[0]
    assert len(report.lists) == 8
    assert not (lists / "renewal_due/2026-03-01/oost").exists()


def test_the_report_holds_no_address(published: Connection, lists: Path, mailer: Mailer) -> None:
    marts.add(published, "c1", address="someone@klant.example")
    marts.add(published, "c2", address="other@klant.example", brand="oost")
    assert "@" not in json.dumps(_deliver(published, lists, mailer).to_dict())


def test_nothing_published_is_an_error_that_says_so(warehouse: Connection, lists: Path) -> None:
    with pytest.raises(NothingPublished, match="nothing has been published yet"):
        _deliver(warehouse, lists)


def test_what_was_published_before_a_restore_is_not_delivered(
    published: Connection, owner: Connection, lists: Path
) -> None:
    marts.add(published, "c1")
    restored.mark(owner)
    with pytest.raises(NothingPublished, match="nothing has been published since the warehouse was restored"):
        _deliver(published, lists)
    assert not list(lists.rglob("*.csv"))


def test_nothing_of_a_list_stays_in_the_work_folder(published: Connection, lists: Path, home: Path) -> None:
    left = home / "delivery" / "noord"
    left.mkdir(parents=True)
    (left / "email.csv").write_text("left by a run that was killed")
    marts.add(published, "c1")
    _deliver(published, lists)
    assert list((home / "delivery").iterdir()) == []


def test_a_mail_that_is_refused_fails_its_list_and_goes_out_at_the_next_run(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    received.answer = "451 try again later"
    report = _deliver(published, lists, mailer)
    assert report.mails_sent == 0
    assert len(report.failures) == 5
    assert "answered 451" in report.failures[0]
    assert "@" not in "".join(report.failures)
    received.answer = "250 OK"
    report = _deliver(published, lists, mailer)
    assert (report.mails_sent, report.failures, _states(report)) == (5, (), {"unchanged"})


def test_a_delivery_without_a_mailer_is_announced_by_the_next_with_one(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    _deliver(published, lists)
    assert _deliver(published, lists, mailer).mails_sent == 5
    assert not any(str(message["Subject"]).startswith(("Vervangen", "Replaced")) for message in received.messages)


def test_a_storage_that_refuses_one_list_still_gets_the_others(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    blocked = lists / "renewal_due/2026-03-01/noord/email.import.csv"
    blocked.mkdir(parents=True)
    report = _deliver(published, lists, mailer)
    assert [(one.brand, one.channel) for one in report.lists if one.state == "failed"] == [("noord", "email")]
    assert len(report.failures) == 1
    assert received.about(NOORD_EMAIL) == []
    blocked.rmdir()
    report = _deliver(published, lists, mailer)
    assert (report.failures, report.mails_sent) == ((), 1)


class _Killed(BaseException):
    """The process ends here: nothing catches this."""


class _KilledAtStep:
    """Ends the process before or after each of its steps, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.moment = 0
        self.end_at: int | None = None

    def watch(self, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def step(*arguments: Any, **named: Any) -> Any:
            self._tick()
            result = original(*arguments, **named)
            self._tick()
            return result

        self._monkeypatch.setattr(owner, name, step)

    def _tick(self) -> None:
        self.moment += 1
        if self.moment == self.end_at:
            raise _Killed


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> _KilledAtStep:
    killer = _KilledAtStep(monkeypatch)
    for owner, name in (
        (Destination, "put"),
        (Destination, "remove"),
        (Destination, "_rename"),
        (ledger, "record"),
        (ledger, "claim_news"),
        (ledger, "mark_sent"),
        (Mailer, "send"),
    ):
        killer.watch(owner, name)
    # one list has all the steps that six have
    every = module.recipients()
    monkeypatch.setattr(module, "recipients", lambda: [one for one in every if one.email == NOORD_EMAIL])
    return killer


def _kill_at_each_moment(
    steps: _KilledAtStep, run: Callable[[], DeliveryReport], start_again: Callable[[], None]
) -> Iterator[int]:
    """Yields after every killed run that was followed by a whole one, until a run is longer than the moment."""
    for end_at in range(1, 100):
        start_again()
        steps.moment, steps.end_at = 0, end_at
        try:
            run()
        except _Killed:
            steps.end_at = None
            run()
            yield end_at
            continue
        return
    raise AssertionError("a delivery has fewer steps than that")


def test_killed_between_any_two_steps_the_next_run_completes_and_nothing_is_doubled(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox, steps: _KilledAtStep
) -> None:
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    whole, message = _files(lists), received.received[0][1]

    def start_again() -> None:
        received.received.clear()
        published.execute("truncate delivery.lists, delivery.mails")
        for path in lists.rglob("*.*"):
            if path.is_file():
                path.unlink()

    moments = list(_kill_at_each_moment(steps, lambda: _deliver(published, lists, mailer), start_again))
    assert len(moments) == 26
    for _ in _kill_at_each_moment(steps, lambda: _deliver(published, lists, mailer), start_again):
        assert _files(lists) == whole
        assert {_undated(content) for _, content in received.received} == {_undated(message)}
        # only a death after the server took it and before that was remembered gives the mail twice, the same both times
        assert len(received.received) <= 2
        assert len({content for _, content in received.received}) == 1
        assert published.execute("select count(*), count(sent_at) from delivery.mails").fetchone() == (1, 1)
        assert published.execute("select count(*), max(revision) from delivery.lists").fetchone() == (1, 1)
        assert _states(_deliver(published, lists, mailer)) == {"unchanged"}


def test_killed_while_a_list_is_replaced_the_withdrawn_contact_is_gone_after_the_next_run(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox, steps: _KilledAtStep
) -> None:
    def start_again() -> None:
        steps.end_at = None
        published.execute("drop schema if exists delivery cascade; truncate marts.renewal_due, marts.publications")
        marts.publish(published, "run-1")
        marts.add(published, "stays")
        marts.add(published, "goes")
        _deliver(published, lists, mailer)
        received.received.clear()
        marts.withdraw(published, "goes")
        marts.publish(published, "run-2")

    seen = 0
    for _ in _kill_at_each_moment(steps, lambda: _deliver(published, lists, mailer), start_again):
        seen += 1
        assert b"goes@" not in (lists / "renewal_due/2026-03-01/noord/email.import.csv").read_bytes()
        assert _manifest(lists)["revision"] == 2
        assert len({str(message["Message-ID"]) for message in received.messages}) == 1
        assert all(str(message["Subject"]).startswith("Vervangen") for message in received.messages)
        assert published.execute("select revision from delivery.lists order by 1").fetchall() == [(1,), (2,)]
    assert seen == 26


def test_no_manifest_stands_while_its_files_are_replaced(
    published: Connection, lists: Path, steps: _KilledAtStep
) -> None:
    _deliver(published, lists)
    marts.add(published, "c1")
    marts.publish(published, "run-2")
    for end_at in range(1, 40):
        steps.moment, steps.end_at = 0, end_at
        try:
            _deliver(published, lists)
        except _Killed:
            if (lists / "renewal_due/2026-03-01/noord/email.manifest.json").exists():
                for file in _manifest(lists)["files"]:
                    content = (lists / "renewal_due/2026-03-01/noord" / file["name"]).read_bytes()
                    assert hashlib.sha256(content).hexdigest() == file["sha256"]
            continue
        break
    assert _manifest(lists)["row_count"] == 1


def test_a_mail_claimed_for_rows_that_are_no_longer_published_is_never_sent(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox, steps: _KilledAtStep
) -> None:
    marts.add(published, "goes")
    received.answer = "451 not now"
    _deliver(published, lists, mailer)
    marts.withdraw(published, "goes")
    marts.publish(published, "run-2")
    received.answer = "250 OK"
    _deliver(published, lists, mailer)
    _deliver(published, lists, mailer)
    (message,) = received.messages
    assert ".2." in str(message["Message-ID"])
    assert "is leeg" in _text(message)


def test_the_numbers_of_the_rule_come_from_the_policy_file(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, policy = settings.registry_folders()
    changed = tmp_path / "policy"
    changed.mkdir()
    text = (policy / "policy.csv").read_text()
    text = re.sub(r"inactivity_months,\*,\*,\d+", "inactivity_months,*,*,31", text)
    text = re.sub(r"renewal_window_days,\*,\*,\d+", "renewal_window_days,*,*,47", text)
    (changed / "policy.csv").write_text(text + "inactivity_months,DE,email,11,2018-05-25,\n")
    monkeypatch.setattr(settings, "registry_folders", lambda: (registry, changed))
    marts.add(published, "c1")
    _deliver(published, lists, mailer)
    text = _text(received.about(NOORD_EMAIL)[0])
    assert "31 maanden" in text
    assert "binnen 47 dagen" in text
    assert "Voor Duitsland, E-mail zijn het 11 maanden." in text


def _ledger(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        *connection.execute("select * from delivery.lists order by brand, channel, revision").fetchall(),
        *connection.execute("select * from delivery.mails order by message_id").fetchall(),
    ]


def _stamps(lists: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(lists.rglob("*"))]


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def _undated(content: bytes) -> bytes:
    return re.sub(rb"Date: [^\r\n]*", b"", content)


def test_a_recipient_of_several_lists_gets_one_mail_and_later_only_what_is_new(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox
) -> None:
    marts.add(published, "c1", brand="zuid")
    marts.add(published, "c2", brand="zuid", channel="phone", address="+31201234567")
    blocked = lists / "renewal_due/2026-03-01/zuid/post.csv"
    blocked.mkdir(parents=True)
    assert len(_deliver(published, lists, mailer).failures) == 1
    blocked.rmdir()
    report = _deliver(published, lists, mailer)
    assert [(one.brand, one.channel) for one in report.lists if one.mailed] == [("zuid", "post")]
    marts.withdraw(published, "c2")
    marts.publish(published, "run-2")
    _deliver(published, lists, mailer)
    assert _deliver(published, lists, mailer).mails_sent == 0
    assert [str(message["Subject"]) for message in received.about("marketing@zuid.example")] == [
        "Zuid, E-mail, Phone, Text message: 2 due for renewal on 1 March 2026",
        "Zuid, Post: 0 due for renewal on 1 March 2026",
        "Replaced: Zuid, Phone: 0 due for renewal on 1 March 2026",
    ]


def test_the_mail_of_a_list_holds_the_invitation_in_the_words_of_the_registry(
    published: Connection, lists: Path, mailer: Mailer, received: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "registry"
    shutil.copytree(settings.registry_folders()[0], own)
    monkeypatch.setattr(settings, "registry_folders", lambda: (own, settings.DBT_PROJECT / "seeds" / "policy"))
    (own / "invitations" / "email.nl.txt").write_text(
        "Blijft u bij {{ brand }}? {{ purposes }}: {{ form_url }} {{ opt_out }}"
    )
    (own / "invitations" / "phone.nl.txt").write_text("Blijft u bij {{ merk }}? {{ form_url }} {{ opt_out }}")
    (own / "invitations" / "sms.nl.txt").write_text("Blijft u bij {{ brand }}? {{ form_url }}")
    for number, channel in enumerate(("email", "phone", "sms")):
        marts.add(published, f"c{number}", channel=channel, purpose="events")
    marts.add(published, "c9", purpose="newsletter")
    report = _deliver(published, lists, mailer)
    assert (
        "Blijft u bij Noord? Evenementen en Nieuwsbrief: https://noord.example/voorkeuren"
        " Afmelden kan altijd op https://noord.example/afmelden"
    ) in _text(received.about(NOORD_EMAIL)[0])
    assert report.warnings == (
        "invitations/phone.nl.txt: UndefinedError: 'merk' is undefined",
        "invitations/sms.nl.txt must say {{ opt_out }}",
    )
    assert "geen vernieuwingsformulier" in _text(received.about("telemarketing@noord.example")[0])
    assert report.mails_sent == 5


def test_who_is_invited_without_a_form_to_renew_on_is_a_warning(
    published: Connection, lists: Path, mailer: Mailer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "registry"
    shutil.copytree(settings.registry_folders()[0], own)
    monkeypatch.setattr(settings, "registry_folders", lambda: (own, settings.DBT_PROJECT / "seeds" / "policy"))
    forms = (own / "renewal_forms.csv").read_text()
    (own / "renewal_forms.csv").write_text(forms.replace("noord,email,nl,https:", "noord,email,nl,http:"))
    marts.add(published, "c1")
    assert _deliver(published, lists, mailer).warnings == (
        "renewal_forms.csv, Noord, email, nl: form_url must begin with https://",
    )
    (own / "renewal_forms.csv").write_text(forms.replace("noord,email,nl", "noord,email,en"))
    marts.add(published, "c2")
    marts.publish(published, "run-2")
    (warning,) = _deliver(published, lists, mailer).warnings
    assert "renewal_forms.csv names no form in 'nl'" in warning


def test_every_invitation_of_the_registry_can_be_sent() -> None:
    for row in registry.rows("renewal_forms"):
        form = invitations.form(row["brand"], row["channel"], row["language"])
        assert form
        said = invitations.text(
            form, brand="Noord", channel=row["channel"], language=row["language"], purposes="Nieuwsbrief"
        )
        assert all(part in said for part in ("Noord", "Nieuwsbrief", form.form_url, form.opt_out))
