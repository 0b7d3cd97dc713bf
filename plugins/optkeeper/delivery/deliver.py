"""Delivery of the published renewal-due lists, per brand and channel, once.

Below the destination a list is `renewal_due/<date>/<brand>/<channel>.xlsx`, `.csv` and `.import.csv`, complete when
and only when `<channel>.manifest.json` stands beside them. The steps of one list, in this order:

1. the old manifest goes, the new files come, the new manifest comes;
2. the ledger remembers the revision;
3. the mail is claimed, sent, and marked as sent.

Killed between any two, the next delivery goes on from there: files are written again with the same bytes, and a mail
that was claimed but is not known to be sent is sent (again) with the same Message-ID and the same text, by which
servers and clients recognise it. It is never left unsent.

The day of a list is the business date that the newest publication decided for. Another publication for that day
changes nothing while the lists stay as they are. Where one differs, its files are replaced as the next revision, so
that who has withdrawn since is no longer on it; the owner gets a short mail, if the rows are other rows.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import psycopg

from optkeeper import settings
from optkeeper.delivery import delimited, invitations, ledger, mail, policy_numbers, published, storage, workbook
from optkeeper.delivery.invitations import InvitationError
from optkeeper.delivery.ledger import DeliveredList
from optkeeper.delivery.mail import Mailer, MailError
from optkeeper.delivery.people import shown
from optkeeper.delivery.policy_numbers import PolicyNumber
from optkeeper.delivery.published import Publication, SourceAge, Summary
from optkeeper.delivery.recipients import LIST, Recipient, recipients
from optkeeper.delivery.storage import Destination, StorageError
from optkeeper.delivery.wording import WORDINGS, Wording, spelled

# Goes up when the same rows get other files, so that lists that stand are written anew.
LAYOUT = 4
LARGEST_ATTACHMENT = 10_000_000

_Key = str  # a list's brand and channel
State = Literal["delivered", "replaced", "restored", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class ListOutcome:
    """What became of one list."""

    brand: str
    channel: str
    state: State
    revision: int
    row_count: int
    urls: tuple[str, ...]
    mailed: bool


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a delivery did: counts and URLs, no addresses.

    `warnings` need someone's attention, `failures` need another run; all other lists were delivered.
    """

    run_id: str
    list_date: str
    lists: tuple[ListOutcome, ...]
    mails_sent: int
    warnings: tuple[str, ...]
    failures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for a task's result."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Day:
    """What all lists of one delivery share."""

    publication: Publication
    ages: tuple[SourceAge, ...]
    inactivity_months: PolicyNumber
    renewal_window_days: PolicyNumber


class _Paths(NamedTuple):
    """The files of one list, below the destination."""

    csv: str  # for people
    xlsx: str
    import_csv: str  # for programs
    manifest: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One list as it should stand, and its files where they have to be written."""

    recipient: Recipient
    wording: Wording
    paths: _Paths
    summary: Summary
    waiting: int
    content_digest: str
    before: DeliveredList | None
    revision: int
    files: _Paths | None  # local; None where what stands is what should stand

    @property
    def key(self) -> _Key:
        return f"{self.recipient.brand}/{self.recipient.channel}"

    @property
    def state(self) -> State:
        if self.files is None:
            return "unchanged"
        if self.before is None:
            return "delivered"
        return "restored" if self.before.revision == self.revision else "replaced"


def deliver(
    connection: psycopg.Connection[Any],
    *,
    destination_url: str,
    storage_options: Mapping[str, Any] | None = None,
    mailer: Mailer | None = None,
    links_url: str | None = None,
    work_folder: Path | None = None,
) -> DeliveryReport:
    """Delivers what is published now and was not delivered yet.

    Args:
        connection: to the warehouse, in autocommit: each step is remembered as soon as it is done.
        destination_url: where the lists go, as `file:///folder`, `s3://bucket/prefix` or `sftp://host/folder`.
        storage_options: fsspec's options of that storage; see `storage.opened`.
        mailer: the SMTP server; None sends no mail, and a later delivery with one makes up for it.
        links_url: where a browser finds what stands at the destination, for the links in the mails.
        work_folder: where files are made before they go; emptied before and after.

    Raises:
        NothingPublished: there is no publication.
        RecipientError: a row of the recipients cannot be used.
        StorageError: there is no such destination.
    """
    if not connection.autocommit:
        raise ValueError("delivery needs a connection in autocommit, so that each step is remembered when it is done")
    work = work_folder or settings.home() / "delivery"
    with ledger.alone(connection), storage.opened(destination_url, storage_options) as destination:
        _empty(work)
        try:
            return _Delivery(connection, destination, mailer, links_url, work).run()
        finally:
            _empty(work)


def _empty(work: Path) -> None:
    """Lists hold personal data: none stays behind, and a run that was killed could not clear up after itself."""
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True, mode=0o700)


class _Delivery:
    def __init__(
        self,
        connection: psycopg.Connection[Any],
        destination: Destination,
        mailer: Mailer | None,
        links_url: str | None,
        work: Path,
    ) -> None:
        self._connection = connection
        self._destination = destination
        self._mailer = mailer
        self._links_url = (links_url or destination.url).rstrip("/")
        self._work = work
        self._warnings: list[str] = []
        self._failures: list[str] = []
        self._mails_sent = 0

    def run(self) -> DeliveryReport:
        # One snapshot for all lists: a publication that comes meanwhile is the next delivery's.
        with self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read read only")
            day, prepared = self._prepare_all()
        outcomes = self._hand_over(day, prepared)
        return DeliveryReport(
            run_id=day.publication.run_id,
            list_date=day.publication.list_date.isoformat(),
            lists=outcomes,
            mails_sent=self._mails_sent,
            warnings=tuple(self._warnings),
            failures=tuple(self._failures),
        )

    def _prepare_all(self) -> tuple[_Day, list[_Prepared]]:
        publication = published.newest_publication(self._connection)
        day = _Day(
            publication,
            tuple(published.source_ages(self._connection)),
            policy_numbers.in_force("inactivity_months", publication.list_date),
            policy_numbers.in_force("renewal_window_days", publication.list_date),
        )
        owners = recipients()
        nobodys = published.row_counts(self._connection)
        for owner in owners:
            nobodys.pop((owner.brand, owner.channel), None)
        for (brand, channel), count in sorted(nobodys.items()):
            self._warnings.append(
                f"brand {brand!r}, channel {channel!r}: {count} due for an invitation, but list_recipients.csv"
                " names nobody to receive them: not delivered"
            )
        prepared: list[_Prepared] = []
        packed: list[Future[None]] = []
        # a workbook is compressed while the next list is made
        with ThreadPoolExecutor(1, "packing") as packer:
            for owner in owners:
                try:
                    prepared.append(self._prepare(day, owner, packer, packed))
                except StorageError as error:
                    self._failures.append(str(error))
        for one in packed:
            one.result()
        return day, prepared

    def _prepare(
        self, day: _Day, owner: Recipient, packer: ThreadPoolExecutor, packed: list[Future[None]]
    ) -> _Prepared:
        publication, words = day.publication, WORDINGS[owner.language]
        rows = self._work / f"{owner.brand}.{owner.channel}.rows"
        summary = published.kept(published.rows(self._connection, owner.brand, owner.channel), rows)
        waiting = published.waiting(self._connection, owner.brand, owner.channel)
        content_digest = _content_digest(day, owner, summary, waiting)
        folder = f"{LIST}/{publication.list_date.isoformat()}/{owner.brand}/{owner.channel}"
        paths = _Paths(f"{folder}.csv", f"{folder}.xlsx", f"{folder}.import.csv", f"{folder}.manifest.json")
        before = ledger.delivered(self._connection, publication.list_date, owner.brand, owner.channel)
        same = before is not None and before.content_digest == content_digest
        revision = 1 if before is None else before.revision if same else before.revision + 1
        files = None
        if not same or not self._stands(before, paths):
            files, pack = self._write(day, owner, words, rows, summary, waiting, paths, revision)
            packed.append(packer.submit(pack))
        return _Prepared(owner, words, paths, summary, waiting, content_digest, before, revision, files)

    def _stands(self, before: DeliveredList | None, paths: _Paths) -> bool:
        """Whether what the ledger says still stands at this destination."""
        if before is None or before.urls != self._urls(paths):
            return False
        manifest = self._destination.read(paths.manifest)
        if manifest is None or hashlib.sha256(manifest).hexdigest() != before.digest:
            return False
        sizes = {file["name"]: file["size"] for file in json.loads(manifest)["files"]}
        return all(self._destination.size(path) == sizes.get(Path(path).name) for path in paths[:-1])

    def _write(
        self,
        day: _Day,
        owner: Recipient,
        words: Wording,
        rows: Path,
        summary: Summary,
        waiting: int,
        paths: _Paths,
        revision: int,
    ) -> tuple[_Paths, Callable[[], None]]:
        """Writes the rows of the files; answers what is left to do, which needs no database."""
        folder = self._work / owner.brand
        folder.mkdir(exist_ok=True)
        local = _Paths(*(str(folder / Path(path).name) for path in paths))
        cover = workbook.Cover(
            words,
            owner.brand,
            owner.channel,
            day.publication,
            revision,
            summary,
            waiting,
            day.inactivity_months,
            day.renewal_window_days,
            day.ages,
        )
        with ExitStack() as open_files:
            for_people = open_files.enter_context(delimited.for_people(Path(local.csv), words))
            for_programs = open_files.enter_context(delimited.for_programs(Path(local.import_csv)))
            in_workbook = open_files.enter_context(workbook.opened(Path(local.xlsx), cover))
            for row in published.read_again(rows):
                values = shown(row, words)
                for_people(values)
                for_programs(row)
                in_workbook(row, values)
            written = open_files.pop_all()

        def pack() -> None:
            written.close()
            Path(local.manifest).write_bytes(_manifest(day, owner, summary, waiting, revision, local))

        return local, pack

    def _hand_over(self, day: _Day, prepared: Sequence[_Prepared]) -> tuple[ListOutcome, ...]:
        """Puts each list where it belongs, then tells each recipient of all that stand."""
        made: dict[_Key, DeliveredList] = {}
        for one in prepared:
            try:
                made[one.key] = self._put(day, one)
            except StorageError as error:
                self._failures.append(str(error))
        told: set[_Key] = set()
        for lists in _by_recipient(prepared):
            told |= self._announce(day, [one for one in lists if one.key in made], made)
        return tuple(
            ListOutcome(
                one.recipient.brand,
                one.recipient.channel,
                one.state if one.key in made else "failed",
                one.revision,
                one.summary.row_count,
                self._urls(one.paths) if one.key in made else (),
                one.key in told,
            )
            for one in prepared
        )

    def _put(self, day: _Day, one: _Prepared) -> DeliveredList:
        if one.files is None and one.before is not None:
            return one.before
        if one.files is None:
            raise RuntimeError("a list that was never delivered has no files")
        self._destination.remove(one.paths.manifest)
        for local, path in zip(one.files, one.paths, strict=True):
            self._destination.put(Path(local), path)
        made = DeliveredList(
            revision=one.revision,
            rows_digest=one.summary.rows_digest,
            content_digest=one.content_digest,
            digest=_file_digest(Path(one.files.manifest)),
            row_count=one.summary.row_count,
            urls=self._urls(one.paths),
            run_id=day.publication.run_id,
            policy_version=day.publication.policy_version,
        )
        list_date, brand, channel = day.publication.list_date, one.recipient.brand, one.recipient.channel
        with self._connection.transaction():
            ledger.record(self._connection, list_date, brand, channel, made)
            ledger.remember_asked(self._connection, list_date, brand, channel)
        return made

    def _announce(self, day: _Day, lists: Sequence[_Prepared], made: Mapping[_Key, DeliveredList]) -> set[_Key]:
        """Mails a recipient what it has not been told of these very rows; answers the lists told of."""
        if self._mailer is None or not lists:
            return set()
        recipient, list_date = lists[0].recipient, day.publication.list_date
        digests = {one.key: made[one.key].rows_digest for one in lists}
        try:
            claimed = ledger.claim_news(self._connection, list_date, recipient, digests, domain=self._mailer.domain)
            if claimed is None:
                return set()
            news = [one for one in lists if one.key in claimed.lists]
            attachments = {one.key: self._attachment(one, list_date) for one in news}
            message = mail.compose(
                mail.Digest(
                    day=lists[0].wording.day(list_date),
                    lists=tuple(self._news(one, one.key in claimed.replaces, attachments[one.key]) for one in news),
                    late=tuple(lists[0].wording.late_sources(day.ages, list_date)),
                    rule=lists[0].wording.rule_in_words(day.inactivity_months, day.renewal_window_days),
                ),
                recipient=recipient,
                wording=lists[0].wording,
                mailer=self._mailer,
                message_id=claimed.message_id,
                claimed_at=claimed.claimed_at,
                attachments=[
                    (f"{LIST}_{list_date.isoformat()}_{one.recipient.brand}_{one.recipient.channel}.xlsx", content)
                    for one in news
                    if (content := attachments[one.key])
                ],
            )
            self._mailer.send(message, recipient.email)
        except (MailError, StorageError) as error:
            named = ", ".join(f"{one.recipient.brand} {one.recipient.channel}" for one in lists)
            self._failures.append(f"mail about {named}: {error}")
            return set()
        ledger.mark_sent(self._connection, claimed.message_id)
        self._mails_sent += 1
        return set(claimed.lists)

    def _attachment(self, one: _Prepared, list_date: date) -> bytes | None:
        """The spreadsheet, where its recipient wants it with the mail; empty where it is too large for one."""
        if not one.recipient.attach or not one.summary.row_count:
            return None
        content = self._destination.read(one.paths.xlsx)
        return b"" if content is not None and len(content) > LARGEST_ATTACHMENT else content

    def _news(self, one: _Prepared, replaces: bool, attachment: bytes | None) -> mail.ListNews:
        words, summary, owner = one.wording, one.summary, one.recipient
        brand, form = spelled(owner.brand), invitations.form(owner.brand, owner.channel, owner.language)
        purposes = [words.purpose(code) for code in sorted(summary.purposes)]
        invitation = ""
        if form is None and summary.row_count:
            self._warnings.append(
                f"brand {owner.brand!r}, channel {owner.channel!r}: renewal_forms.csv names no form in"
                f" {owner.language!r}, so that nobody who is invited can renew"
            )
        elif form is not None and summary.row_count:
            try:
                invitation = invitations.text(
                    form, brand=brand, channel=owner.channel, language=owner.language, purposes=words.listed(purposes)
                )
            except InvitationError as error:
                form = None
                self._warnings.append(str(error))
        return mail.ListNews(
            brand=brand,
            channel=words.channel(owner.channel),
            row_count=summary.row_count,
            waiting=one.waiting,
            days_left=tuple(words.days_left_counts(summary.days_left).items()),
            stages=tuple((words.stage(code), summary.stages[code]) for code in sorted(summary.stages)),
            purposes=tuple((words.purpose(code), summary.purposes[code]) for code in sorted(summary.purposes)),
            link=f"{self._links_url}/{one.paths.xlsx}",
            import_link=f"{self._links_url}/{one.paths.import_csv}",
            replaces=replaces,
            attached=bool(attachment),
            too_large=attachment == b"",
            has_form=form is not None,
            invitation=invitation,
            ask_name=form.ask_name if form else "",
            ask_email=form.ask_email if form else "",
        )

    def _urls(self, paths: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._destination.url_of(path) for path in paths)


def _by_recipient(prepared: Sequence[_Prepared]) -> list[list[_Prepared]]:
    lists: dict[str, list[_Prepared]] = {}
    for one in prepared:
        lists.setdefault(one.recipient.digest, []).append(one)
    return list(lists.values())


def _content_digest(day: _Day, owner: Recipient, summary: Summary, waiting: int) -> str:
    """Of all that the files say, but for what changes with every run and says nothing new."""
    content = (
        LAYOUT,
        summary.rows_digest,
        waiting,
        owner.language,
        day.publication.policy_version,
        day.inactivity_months,
        day.renewal_window_days,
        [(age.source, age.last_pull_at) for age in day.ages if age.is_stale],
    )
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _manifest(day: _Day, owner: Recipient, summary: Summary, waiting: int, revision: int, local: _Paths) -> bytes:
    publication = day.publication
    manifest = {
        "list": LIST,
        "list_date": publication.list_date.isoformat(),
        "brand": owner.brand,
        "channel": owner.channel,
        "revision": revision,
        "run_id": publication.run_id,
        "policy_version": publication.policy_version,
        "as_of": publication.as_of.astimezone(UTC).isoformat(),
        "row_count": summary.row_count,
        "asked_waiting": waiting,
        "rows_sha256": summary.rows_digest,
        "late_sources": [age.source for age in day.ages if age.is_stale],
        "columns": list(published.COLUMNS),
        "csv": {"encoding": delimited.PEOPLE_ENCODING, "separator": delimited.PEOPLE_SEPARATOR},
        "import_csv": {
            "encoding": delimited.PROGRAMS_ENCODING,
            "separator": delimited.PROGRAMS_SEPARATOR,
            "formula_guard": "an apostrophe before a leading = + - or @, not of a telephone number; drop it",
        },
        "files": [
            {"name": Path(path).name, "size": Path(path).stat().st_size, "sha256": _file_digest(Path(path))}
            for path in local[:-1]
        ],
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"


def _file_digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
