"""Mailchimp: audiences, their members, what members did, and who unsubscribed or complained.

Marketing API 3.0. Each audience is read in windows of `last_changed` that end at a fixed moment. A window is paged by
the moment of the page's last member and not by offset, for a member who is edited meanwhile leaves the window and
moves all others up; only within one second, which a bulk import fills with thousands, offsets are used, and then pages
overlap. A click does not change its member, so activity is read from the campaigns' reports too.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import httpx

from optkeeper.landing import countries, document, excerpt
from optkeeper.registry import RegisteredSource
from optkeeper.sources import repeated_keys
from optkeeper.sources.http import HttpClient, SourceError
from optkeeper.sources.stream import (
    Broken,
    ConnectionDetails,
    Cursor,
    Excerpt,
    Ledger,
    Listed,
    ListingEnded,
    Population,
    RawAddress,
    Received,
    StreamItem,
)

LISTS = "mailchimp.lists"
MEMBERS = "mailchimp.members"
ACTIVITY = "mailchimp.activity"
ACTIVITY_FEEDS = "mailchimp.activity_feeds"
REPORTS = "mailchimp.reports"
EMAIL_ACTIVITY = "mailchimp.email_activity"
UNSUBSCRIBES = "mailchimp.unsubscribes"
ABUSE_REPORTS = "mailchimp.abuse_reports"
LISTING_STREAM = "listing"

PAGE = 1000
OVERLAP = timedelta(minutes=15)
ACTIVITY_OVERLAP = timedelta(days=1)  # reports are gathered with delay
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
# Numbers of the whole trade, hourly curves and the report's password: nothing of it is evidence.
NOT_READ_OF_REPORTS = "share_report,timeseries,timewarp,industry_stats,list_stats,_links"

_IDS_OF_MEMBERS = "members.id,members.contact_id,members.web_id,members.unique_email_id,total_items"
_OVERLAPPING_ROWS = 10
_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")
_MD5 = re.compile(r"^[0-9a-fA-F]{32}\Z")
_DATA_CENTRE = re.compile(r"-([a-z]{2,4}[0-9]{1,3})\Z")
_COUNTRY_CODE = re.compile(r"^[A-Za-z]{2}\Z")
_SECOND = timedelta(seconds=1)
_TEXTS = (
    "timestamp_signup",
    "timestamp_opt",
    "last_changed",
    "ip_signup",
    "ip_opt",
    "unsubscribe_reason",
    "source",
    "sms_phone_number",
    "sms_subscription_status",
    "sms_subscription_last_updated",
)
_WHAT_IT_WAS_ABOUT = (
    "link_clicked",
    "marketing_permisson_text",  # Mailchimp's spelling
    "note_id",
    "order_id",
    "survey_id",
    "outreach_id",
    "event_name",
)


class Mailchimp:
    """A Mailchimp account as a source. The connection's password is an API key, which ends in its data centre.

    Args:
        source: its row in the registry.
        connection: `extra.base_url` replaces the data centre's own address.
        now: for tests; the upper bound of a window.
        sleep: for tests; waits that many seconds.
        page: how many records a page holds; Mailchimp gives 1,000 at most.
    """

    def __init__(
        self,
        source: RegisteredSource,
        connection: ConnectionDetails,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        page: int = PAGE,
    ) -> None:
        if not connection.password:
            raise SourceError(f"{source.source}: the connection holds no API key")
        self._source = source.source
        self._reread_days = source.status_reread_days
        self._now = now
        self._page = page
        self._overlapping_rows = min(_OVERLAPPING_ROWS, page // 2)
        self._http = HttpClient(
            source.source,
            str(connection.extra.get("base_url") or _address_of(source.source, connection.password)),
            auth=("optkeeper", connection.password),
            sleep=sleep,
            throttled=_throttled,
        )

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """What is new since the ledger's cursors: audiences, members with their activity, complaints, campaigns."""
        with closing(self._http):
            started_at = self._now().astimezone(UTC).replace(microsecond=0)
            list_ids: list[str] = []
            for item in self._lists():
                yield item
                list_ids += {str(one.payload["id"]): None for one in repeated_keys.received_of(item)}
            yield self._population(list_ids)
            for list_id in list_ids:
                for status in (None, "archived"):
                    yield from self._members(ledger, list_id, status, started_at)
                yield from self._abuse_reports(list_id)
            yield from self._campaigns(ledger, started_at)
            yield from self._listing(ledger, list_ids, started_at)

    # Audiences

    def _lists(self) -> Iterator[Received | Broken]:
        path = "/3.0/lists"
        for position, one in self._paged(path, "lists", {"sort_field": "date_created", "sort_dir": "ASC"}):
            yield from repeated_keys.read(LISTS, position, one, _list)

    def _population(self, list_ids: Sequence[str]) -> Population:
        """How many members all audiences hold, without the archived."""
        total = 0
        for list_id in list_ids:
            path = f"/3.0/lists/{list_id}/members"
            answer = self._http.get(path, {"count": 1, "fields": "total_items"})
            counted = answer.get("total_items") if isinstance(answer, dict) else None
            if not isinstance(counted, int):
                raise SourceError(f"{self._source}: GET {path} answered without total_items")
            total += counted
        return Population(MEMBERS, total)

    def _listing(
        self, ledger: Ledger, list_ids: Sequence[str], started_at: datetime
    ) -> Iterator[Listed | ListingEnded | Cursor]:
        """At the registry's interval, which members Mailchimp still shows: who is deleted for good shows nowhere (R13).

        In order of the moment of the signup, which no edit moves, so that nobody is passed over.
        """
        state = ledger.cursor(LISTING_STREAM) or {}
        if self._reread_days is None:
            return
        if "read_at" in state:
            due_at = datetime.fromisoformat(state["read_at"]) + timedelta(days=self._reread_days)
            if started_at < due_at:
                return
        began = started_at.isoformat()
        found: dict[str, None] = {}
        for list_id in list_ids:
            for status in (None, "archived"):
                asked = {"sort_field": "timestamp_signup", "sort_dir": "ASC", "fields": _IDS_OF_MEMBERS}
                asked |= {} if status is None else {"status": status}
                for _, member in self._paged(f"/3.0/lists/{list_id}/members", "members", asked):
                    key = _member_key(member) if isinstance(member, dict) else ""
                    if key:
                        found[f"{list_id}/{key}"] = None
                    if len(found) >= self._page:
                        yield Listed(MEMBERS, began, tuple(found))
                        found.clear()
        yield Listed(MEMBERS, began, tuple(found))
        yield ListingEnded(MEMBERS, began)
        yield Cursor(LISTING_STREAM, {"read_at": began})

    # Members

    def _members(
        self, ledger: Ledger, list_id: str, status: str | None, started_at: datetime
    ) -> Iterator[Received | Broken | Cursor]:
        """The members of an audience that changed since the last pull; a window that was killed is finished first.

        Mailchimp leaves archived members out of a list unless they are asked for.
        """
        stream = f"members/{list_id}" if status is None else f"members/{list_id}/{status}"
        state = ledger.cursor(stream) or {}
        until = state.get("until")
        if "window_end" in state:
            until = state["window_end"]
            yield from self._window(
                stream, list_id, status, _instant(state.get("since")), datetime.fromisoformat(until)
            )
        since = None if until is None else datetime.fromisoformat(until) - OVERLAP
        yield from self._window(stream, list_id, status, since, started_at)

    def _window(
        self, stream: str, list_id: str, status: str | None, since: datetime | None, end: datetime
    ) -> Iterator[Received | Broken | Cursor]:
        before: dict[str, str] = {}  # the members of the page before, with their moments of change
        place = f"list {list_id}" if status is None else f"list {list_id}, {status}"
        offset, is_forward = 0, True
        for page in count(1):
            answer = self._members_page(list_id, status, since, end, offset)
            members = self._items(answer, "members", f"/3.0/lists/{list_id}/members")
            shown = {_identity(member): _changed_text(member) for member in members}
            if offset and before and not before.keys() & shown.keys():
                # so many left the window that this page may begin behind what was not read yet
                offset, is_forward = max(0, offset - self._page), False
                continue
            if offset and is_forward and members and before.items() >= shown.items():
                raise SourceError(f"{self._source}: GET /3.0/lists/{list_id}/members does not go on")
            for number, member in enumerate(members, start=1):
                if before.get(_identity(member)) == _changed_text(member):
                    continue
                yield from self._member(list_id, f"{place}, page {page}, item {number}", member)
            if not members or self._is_last(answer, offset, len(members)):
                break
            before, is_forward = shown, True
            latest = max((at for at in map(_changed_at, members) if at is not None), default=None)
            following = None if latest is None else latest.replace(microsecond=0) - _SECOND
            if following is not None and (since is None or following > since):
                since, offset = following, 0
                yield Cursor(stream, {"since": since.isoformat(), "window_end": end.isoformat()})
            else:
                offset += max(1, len(members) - self._overlapping_rows)
        yield Cursor(stream, {"until": end.isoformat()})

    def _members_page(
        self, list_id: str, status: str | None, since: datetime | None, end: datetime, offset: int
    ) -> Any:
        params: dict[str, Any] = {
            "count": self._page,
            "offset": offset,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
            "before_last_changed": end.isoformat(),
        }
        if since is not None:
            params["since_last_changed"] = since.isoformat()
        if status is not None:
            params["status"] = status
        return self._http.get(f"/3.0/lists/{list_id}/members", params)

    def _member(self, list_id: str, position: str, member: Any) -> Iterator[Received | Broken]:
        read: dict[str, Mapping[str, Any]] = {}  # the members whose activity is read
        for item in repeated_keys.read(MEMBERS, position, member, partial(_member, list_id), _departed):
            yield item
            for one in repeated_keys.received_of(item):
                read.setdefault(_member_key(one.payload), one.payload)
        for key, payload in read.items():
            yield from self._activity_feed(list_id, key, payload, position)

    def _activity_feed(
        self, list_id: str, key: str, member: Mapping[str, Any], position: str
    ) -> Iterator[Received | Broken]:
        """What a member did, of all kinds, page by page; a member who was deleted meanwhile did nothing.

        Of who is archived Mailchimp need not show it: whether it did is kept, for else the last state is unknown (R13).
        """
        path = f"/3.0/lists/{list_id}/members/{member['id']}/activity-feed"
        shown = f"/3.0/lists/{list_id}/members/{{subscriber_hash}}/activity-feed"
        status = 200
        try:
            for where, activity in self._paged(path, "activity", {}, shown=shown):
                at = f"{position}, activity {where}"
                yield from repeated_keys.read(ACTIVITY, at, activity, partial(_activity, f"{list_id}/{key}"))
        except SourceError as refusal:
            if refusal.status != 404:
                raise
            status = refusal.status
        if member["status"] == "archived":
            answer = {"contact_id": key, "last_changed": member.get("last_changed"), "status": status}
            yield Received(ACTIVITY_FEEDS, f"{list_id}/{key}", answer)

    def _abuse_reports(self, list_id: str) -> Iterator[Received | Broken]:
        for position, report in self._paged(f"/3.0/lists/{list_id}/abuse-reports", "abuse_reports", {}):
            where = f"list {list_id}, {position}"
            yield from repeated_keys.read(ABUSE_REPORTS, where, report, partial(_abuse_report, list_id))

    # Campaigns

    def _campaigns(self, ledger: Ledger, started_at: datetime) -> Iterator[Received | Broken | Cursor]:
        """The campaigns, and of each whose numbers changed since it was last read, who did what."""
        excluded = ",".join(f"reports.{name}" for name in NOT_READ_OF_REPORTS.split(","))
        asked = {"before_send_time": started_at.isoformat(), "exclude_fields": excluded}
        for position, report in self._paged("/3.0/reports", "reports", asked):
            named: dict[str, Mapping[str, Any]] = {}
            for item in repeated_keys.read(REPORTS, position, report, _report):
                yield item
                for one in repeated_keys.received_of(item):
                    named.setdefault(str(one.payload["id"]), one.payload)
            for campaign_id, payload in named.items():
                yield from self._campaign(ledger, campaign_id, payload, started_at)

    def _campaign(
        self, ledger: Ledger, campaign_id: str, report: Mapping[str, Any], started_at: datetime
    ) -> Iterator[Received | Broken | Cursor]:
        stream = f"campaigns/{campaign_id}"
        state = ledger.cursor(stream) or {}
        numbers = _numbers_of(report)
        if state and numbers is not None and state.get("numbers") == numbers:
            return
        since = None if "until" not in state else datetime.fromisoformat(state["until"]) - ACTIVITY_OVERLAP
        try:
            yield from self._email_activity(campaign_id, since)
            yield from self._unsubscribes(campaign_id)
        except SourceError as refusal:
            if refusal.status != 404:
                raise
            return  # the campaign was deleted since it was listed
        yield Cursor(stream, {"until": started_at.isoformat(), "numbers": numbers})

    def _email_activity(self, campaign_id: str, since: datetime | None) -> Iterator[Received | Broken]:
        asked = {} if since is None else {"since": since.isoformat()}
        for position, email in self._paged(f"/3.0/reports/{campaign_id}/email-activity", "emails", asked):
            where = f"campaign {campaign_id}, {position}"
            yield from repeated_keys.read(EMAIL_ACTIVITY, where, email, partial(_acts_of, campaign_id))

    def _unsubscribes(self, campaign_id: str) -> Iterator[Received | Broken]:
        for position, unsubscribe in self._paged(f"/3.0/reports/{campaign_id}/unsubscribed", "unsubscribes", {}):
            where = f"campaign {campaign_id}, {position}"
            yield from repeated_keys.read(UNSUBSCRIBES, where, unsubscribe, partial(_unsubscribe, campaign_id))

    # Pages

    def _paged(
        self, path: str, key: str, asked: Mapping[str, Any], *, shown: str | None = None
    ) -> Iterator[tuple[str, Any]]:
        """The items of all pages with their places; a list that grows meanwhile shows some of them twice."""
        offset = 0
        previous: list[Any] = []
        for page in count(1):
            answer = self._http.get(path, {"count": self._page, "offset": offset, **asked}, shown=shown)
            items = self._items(answer, key, shown or path)
            if items and items == previous:
                raise SourceError(f"{self._source}: GET {shown or path} answers with the same page again")
            for number, item in enumerate(items, start=1):
                yield f"page {page}, item {number}", item
            if not items or self._is_last(answer, offset, len(items)):
                return
            offset += len(items)
            previous = items

    def _is_last(self, answer: Mapping[str, Any], offset: int, found: int) -> bool:
        """Whether nothing follows a page: by the total where it is given, else because the page is not full."""
        total = answer.get("total_items")
        return offset + found >= total if isinstance(total, int) else found < self._page

    def _items(self, answer: Any, key: str, path: str) -> list[Any]:
        items = answer.get(key) if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise SourceError(f"{self._source}: GET {path} answered without a list of {key}")
        return items


def _list(position: str, audience: Any) -> Received | Broken:
    if not isinstance(audience, dict) or not _is_id(audience.get("id")):
        return _broken(LISTS, position, "the audience has no id", audience, "id")
    return Received(LISTS, audience["id"], audience)


def _member(list_id: str, position: str, member: Any) -> Received | Broken:
    fault = _member_fault(member)
    if fault is not None:
        field, detail = fault
        return _broken(MEMBERS, position, detail, member, field, _departed(member))
    return Received(MEMBERS, f"{list_id}/{_member_key(member)}", member, _addresses(member))


def _activity(member: str, position: str, activity: Any) -> Received | Broken:
    fault = _activity_fault(activity)
    if fault is not None:
        field, detail = fault
        return _broken(ACTIVITY, position, detail, activity, field)
    return Received(ACTIVITY, f"{member}/{_activity_key(activity)}", activity)


def _abuse_report(list_id: str, position: str, report: Any) -> Received | Broken:
    if not isinstance(report, dict) or not _is_id(str(report.get("id", ""))):
        excerpts = _restricted(report, "spam_complaint")
        return _broken(ABUSE_REPORTS, position, "the complaint has no id", report, "id", excerpts)
    if not isinstance(report.get("email_address"), str):
        return _broken(ABUSE_REPORTS, position, "the complaint names no address", report, "email_address")
    address = RawAddress("email", report["email_address"])
    return Received(ABUSE_REPORTS, f"{list_id}/{report['id']}", report, (address,))


def _report(position: str, report: Any) -> Received | Broken:
    if not isinstance(report, dict) or not _is_id(report.get("id")):
        return _broken(REPORTS, position, "the report names no campaign", report, "id")
    return Received(REPORTS, report["id"], report)


def _acts_of(campaign_id: str, position: str, email: Any) -> Iterator[Received | Broken]:
    fault = _person_fault(email) or _list_fault(email, "activity")
    if fault is not None:
        field, detail = fault
        yield _broken(EMAIL_ACTIVITY, position, detail, email, field)
        return
    address = RawAddress("email", email["email_address"])
    for number, activity in enumerate(email["activity"], start=1):
        payload = {**email, "activity": activity}
        if not isinstance(activity, dict) or not isinstance(activity.get("action"), str):
            detail = "the activity does not say what was done"
            yield _broken(EMAIL_ACTIVITY, f"{position}, activity {number}", detail, payload, "activity.action")
            continue
        done = [str(activity.get(name) or "") for name in ("action", "type", "timestamp", "url")]
        yield Received(EMAIL_ACTIVITY, f"{campaign_id}/{_short_digest(email['email_id'], *done)}", payload, (address,))


def _unsubscribe(campaign_id: str, position: str, unsubscribe: Any) -> Received | Broken:
    fault = _person_fault(unsubscribe)
    if fault is not None:
        field, detail = fault
        return _broken(
            UNSUBSCRIBES, position, detail, unsubscribe, field, _restricted(unsubscribe, "consent_withdrawn")
        )
    digest = _short_digest(unsubscribe["email_id"], str(unsubscribe.get("timestamp") or ""))
    address = RawAddress("email", unsubscribe["email_address"])
    return Received(UNSUBSCRIBES, f"{campaign_id}/{digest}", unsubscribe, (address,))


def _address_of(source: str, key: str) -> str:
    data_centre = _DATA_CENTRE.search(key)
    if data_centre is None:
        raise SourceError(f"{source}: the API key does not end in a data centre, as in -us19")
    return f"https://{data_centre.group(1)}.api.mailchimp.com"


def _throttled(response: httpx.Response) -> bool:
    """Too many connections are refused by the gate before the API too: by no error document, or by one that says so."""
    try:
        problem = document.decode(response.content)
    except document.MalformedDocument:
        return True
    if not isinstance(problem, dict) or "title" not in problem:
        return True
    return re.search(r"too\s*many|simultaneous", f"{problem['title']} {problem.get('detail')}", re.I) is not None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.match(value) is not None


def _instant(text: Any) -> datetime | None:
    """A moment as Mailchimp spells it, None where it is empty or no date; one without offset is UTC."""
    try:
        at = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _identity(member: Any) -> str:
    """What tells the members of a page apart, malformed ones too."""
    if isinstance(member, dict) and isinstance(member.get("id"), str):
        return str(member["id"])
    return hashlib.sha256(document.encode(member)).hexdigest()


def _changed_text(member: Any) -> str:
    return str(member.get("last_changed") or "") if isinstance(member, dict) else ""


def _changed_at(member: Any) -> datetime | None:
    return _instant(_changed_text(member))


def _member_key(member: Mapping[str, Any]) -> str:
    """What names a member for good.

    Mailchimp's `id` is the MD5 of the address: it changes with the address and tells it to whoever guesses. The
    `contact_id` does neither, nor does the `web_id` that older accounts have; `unique_email_id` at least tells nothing.
    """
    for name in ("contact_id", "web_id", "unique_email_id"):
        value = str(member.get(name) or "")
        if _ID.match(value):
            return value
    return ""


def _member_fault(member: Any) -> tuple[str | None, str] | None:
    """What is wrong with a member's shape: the field and a sentence, or None."""
    if not isinstance(member, dict):
        return None, "the member is no JSON object"
    if not _MD5.match(str(member.get("id") or "")):
        return "id", "the member has no id"
    if not _member_key(member):
        return "contact_id", "the member has no id that is not made from its address"
    if not isinstance(member.get("email_address"), str):
        return "email_address", "the member's address is no text"
    if member.get("status") not in STATUSES:
        return "status", "the member's status is none that is known"
    for name in _TEXTS:
        if not isinstance(member.get(name), str | None):
            return name, "the field is no text"
    if not isinstance(member.get("merge_fields") or {}, dict):
        return "merge_fields", "the merge fields are no JSON object"
    permissions = member.get("marketing_permissions") or []
    if not isinstance(permissions, list) or not all(isinstance(one, dict) for one in permissions):
        return "marketing_permissions", "the marketing permissions are no list of objects"
    return None


def _activity_fault(activity: Any) -> tuple[str | None, str] | None:
    if not isinstance(activity, dict):
        return None, "the activity is no JSON object"
    if not isinstance(activity.get("activity_type"), str):
        return "activity_type", "the activity does not say what was done"
    if not isinstance(activity.get("created_at_timestamp"), str | None):
        return "created_at_timestamp", "the moment is no text"
    return None


def _person_fault(entry: Any) -> tuple[str | None, str] | None:
    if not isinstance(entry, dict):
        return None, "the entry is no JSON object"
    for name in ("email_id", "email_address"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            return name, "the entry does not say who it is about"
    return None


def _list_fault(entry: Mapping[str, Any], name: str) -> tuple[str | None, str] | None:
    return None if isinstance(entry.get(name), list) else (name, "the field is no list")


def _activity_key(activity: Mapping[str, Any]) -> str:
    """Campaign, kind, moment and what it was about: the same act keeps its key when a campaign gets another title."""
    campaign, kind = str(activity.get("campaign_id") or "-"), str(activity["activity_type"])
    digest = _short_digest(*(str(activity.get(name) or "") for name in _WHAT_IT_WAS_ABOUT))
    return f"{campaign}/{kind}/{activity.get('created_at_timestamp') or ''}/{digest}"


def _short_digest(*parts: str) -> str:
    """A digest of several things together: of an address's own digest alone, whoever knows the address knows it too."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _numbers_of(report: Mapping[str, Any]) -> list[Any] | None:
    """The numbers of a report that change with each act; None where it gives none."""
    clicks, opens, bounces = (report.get(name) or {} for name in ("clicks", "opens", "bounces"))
    numbers = [
        *(clicks.get(name) for name in ("clicks_total", "last_click")),
        *(opens.get(name) for name in ("opens_total", "last_open")),
        *(bounces.get(name) for name in ("hard_bounces", "soft_bounces")),
        *(report.get(name) for name in ("emails_sent", "unsubscribed", "abuse_reports")),
    ]
    return None if all(number is None for number in numbers) else [None if n is None else str(n) for n in numbers]


def _broken(
    object_: str, position: str, detail: str, raw: Any, field: str | None = None, excerpts: tuple[Excerpt, ...] = ()
) -> Broken:
    return Broken(object_, position, "malformed_record", detail, document.encode(raw), field, excerpts=excerpts)


def _restricted(record: Any, event_type: str) -> tuple[Excerpt, ...]:
    """The restriction that a broken record is by its kind, for the address that it names, if it names one."""
    if not isinstance(record, dict):
        return ()
    named = excerpt.broken_id(document.encode(record))
    return excerpt.of_restriction(event_type, named, [str(record.get("email_address") or "")])


def _departed(member: Any) -> tuple[Excerpt, ...]:
    """The opt-outs or the bounce that a broken member's statuses say."""
    if not isinstance(member, dict):
        return ()
    status = str(member.get("status") or "").strip().casefold()
    kinds = {"unsubscribed": "consent_withdrawn", "archived": "consent_withdrawn", "cleaned": "email_bounced"}
    of_mail = _restricted(member, kinds[status]) if status in kinds else ()
    if str(member.get("sms_subscription_status") or "").strip().casefold() != "unsubscribed":
        return of_mail
    named = f"{excerpt.broken_id(document.encode(member))}/sms"
    phones = [str(member.get("sms_phone_number") or "")]
    return of_mail + excerpt.of_restriction(
        "consent_withdrawn", named, phones=phones, country=_country(member), channel="sms"
    )


def _country(member: Mapping[str, Any]) -> str | None:
    """The country that a member states; Mailchimp's own location is a guess by IP address."""
    merge_fields = member.get("merge_fields")
    postal = merge_fields.get("ADDRESS") if isinstance(merge_fields, dict) else None
    stated = postal.get("country") if isinstance(postal, dict) else None
    return stated if isinstance(stated, str) else None


def _addresses(member: Mapping[str, Any]) -> tuple[RawAddress, ...]:
    """The addresses of a member; staging reads the telephones with the same country."""
    country = countries.code(_country(member))
    phones = ((member.get("merge_fields") or {}).get("PHONE"), member.get("sms_phone_number"))
    return (
        RawAddress("email", member["email_address"]),
        *(RawAddress("phone", phone, country) for phone in phones if isinstance(phone, str) and phone.strip()),
    )
