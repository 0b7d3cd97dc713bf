"""A Mailchimp account in memory that speaks Mailchimp's protocol over HTTP, for the demo and the tests.

Marketing API 3.0: audiences, members, activity feeds, campaign reports with e-mail activity and unsubscribes, abuse
reports; with Mailchimp's page sizes, empty timestamps, error documents and limit of ten connections. Faults can be
queued, so that a client's patience is tried.
"""

import base64
import copy
import hashlib
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from optkeeper.landing import document
from optkeeper.samples.people import Person

API_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0-us1"  # the sample account's, and no secret
NEWSLETTER, EVENTS = "4e5f60a1b2", "9c8d7e6f50"
IMPORTER_IP = "203.0.113.10"
PERMISSION = "E-mail"
BY_ADMIN = "N/A (Unsubscribed by an admin)"

HIGHEST_COUNT = 1000
CONNECTIONS = 10
_STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
_ERRORS = "https://mailchimp.com/developer/marketing/docs/errors/"


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does to one request instead of answering it.

    `status` 200 with `half` breaks the connection in the middle of the true answer; `bare` refuses without an error
    document, as the gate in front of the API does. `path` limits the fault to requests whose path ends so.
    """

    status: int = 200
    retry_after: str | None = None
    half: bool = False
    bare: bool = False
    path: str = ""


@dataclass(slots=True)
class Audience:
    """A list with what stands in it."""

    id: str
    name: str
    created_at: datetime
    double_optin: bool
    members: dict[str, "Member"] = field(default_factory=dict)
    malformed: list[Any] = field(default_factory=list)
    abuse_reports: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Member:
    """A member with what it did, oldest first."""

    contact_id: str
    web_id: int
    email: str
    status: str
    changed_at: datetime
    values: dict[str, Any]
    activity: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)


@dataclass(slots=True)
class Campaign:
    """A campaign that was sent, with what was done to it: contact, moment, action."""

    id: str
    list_id: str
    title: str
    sent_at: datetime
    sent_to: dict[str, None] = field(default_factory=dict)
    actions: list[tuple[str, datetime, dict[str, Any]]] = field(default_factory=list)
    unsubscribes: list[dict[str, Any]] = field(default_factory=list)
    abuse_reports: int = 0


class _Refused(Exception):
    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.body = problem(status, title, detail)


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    """An error document as Mailchimp writes it."""
    return {"type": _ERRORS, "title": title, "status": status, "detail": detail, "instance": str(uuid.uuid4())}


def instant_text(instant: datetime | None) -> str:
    """An instant as Mailchimp writes it: UTC, seconds, with offset; empty where there is none."""
    return "" if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


def subscriber_hash(email: str) -> str:
    """Mailchimp's id of a member: the MD5 of the lower-case address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class MailchimpServer:
    """The account and its HTTP server on a free port of the loopback interface.

    Args:
        key: the API key that it takes.
    """

    def __init__(self, key: str = API_KEY) -> None:
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._key = key
        self._audiences: dict[str, Audience] = {}
        self._campaigns: dict[str, Campaign] = {}
        self._ids = count(1)
        self._connections = 0
        self._lock = threading.RLock()
        self._http: ThreadingHTTPServer | None = None

    # The server

    def start(self) -> str:
        """Serves on a free port and answers the address."""
        self._http = _Http(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self.url

    def stop(self) -> None:
        """Ends the server; the account stays as it is."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def __enter__(self) -> "MailchimpServer":
        """Starts the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server."""
        self.stop()

    @property
    def url(self) -> str:
        """The address of the running server."""
        if self._http is None:
            raise RuntimeError("the server is not running")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def inject(self, *faults: Fault) -> None:
        """Queues faults: each is done to the next request that its path fits."""
        with self._lock:
            self.faults.extend(faults)

    # The account

    def add_list(self, list_id: str, name: str, *, at: datetime, double_optin: bool = False) -> str:
        """A new audience; answers its id."""
        with self._lock:
            self._audiences[list_id] = Audience(list_id, name, at, double_optin)
        return list_id

    def add_member(
        self,
        list_id: str,
        email: str,
        *,
        at: datetime,
        status: str = "subscribed",
        signup_at: datetime | None = None,
        ip_signup: str = "",
        opt_at: datetime | None = None,
        ip_opt: str = "",
        origin: str = "Embed Form",
        merge_fields: Mapping[str, Any] | None = None,
        permissions: Mapping[str, bool] | None = None,
    ) -> str:
        """A new member, last changed at an instant; answers its contact id."""
        with self._lock:
            number = next(self._ids)
            contact_id = hashlib.sha256(f"{list_id}/{number}".encode()).hexdigest()[:32]
            values: dict[str, Any] = {
                "timestamp_signup": instant_text(signup_at),
                "ip_signup": ip_signup,
                "timestamp_opt": instant_text(opt_at),
                "ip_opt": ip_opt,
                "source": origin,
                "merge_fields": {"FNAME": "", "LNAME": "", "PHONE": "", **(merge_fields or {})},
            }
            if permissions is not None:
                values["marketing_permissions"] = [
                    {"marketing_permission_id": hashlib.sha256(text.encode()).hexdigest()[:10], "text": text}
                    | {"enabled": enabled}
                    for text, enabled in permissions.items()
                ]
            member = Member(contact_id, 100_000 + number, email, status, at, values)
            self._audiences[list_id].members[contact_id] = member
        return contact_id

    def update_member(self, list_id: str, contact_id: str, *, at: datetime, **changes: Any) -> None:
        """Changes a member; `email`, `status` and `merge_fields` besides the fields that the API names."""
        with self._lock:
            member = self._audiences[list_id].members[contact_id]
            member.email = changes.pop("email", member.email)
            member.status = changes.pop("status", member.status)
            merge_fields = {**member.values["merge_fields"], **changes.pop("merge_fields", {})}
            member.values = {**member.values, **changes, "merge_fields": merge_fields}
            member.changed_at = at

    def set_permission(self, list_id: str, contact_id: str, text: str, enabled: bool, *, at: datetime) -> None:
        """Switches a marketing permission of a member on or off; its moment stands in the activity feed alone."""
        with self._lock:
            member = self._audiences[list_id].members[contact_id]
            permissions = [
                {**one, "enabled": enabled} if one["text"] == text else one
                for one in member.values.get("marketing_permissions", [])
            ]
            self.update_member(list_id, contact_id, at=at, marketing_permissions=permissions)
            told = {"marketing_permisson_text": text, "marketing_permission_opted_in": enabled, "updated_by": "Contact"}
            self.add_activity(list_id, contact_id, "marketing_permission", at=at, **told)

    def add_campaign(self, campaign_id: str, list_id: str, title: str, *, sent_at: datetime) -> str:
        """A campaign that was sent to an audience at an instant; answers its id."""
        with self._lock:
            self._campaigns[campaign_id] = Campaign(campaign_id, list_id, title, sent_at)
        return campaign_id

    def add_activity(self, list_id: str, contact_id: str, kind: str, *, at: datetime, **more: Any) -> None:
        """An entry of a member's activity feed."""
        with self._lock:
            told = {"activity_type": kind, "created_at_timestamp": instant_text(at), **more}
            self._audiences[list_id].members[contact_id].activity.append((at, told))

    def deliver(self, campaign_id: str, contact_id: str) -> None:
        """The campaign was sent to a member."""
        with self._lock:
            campaign = self._campaigns[campaign_id]
            if contact_id not in campaign.sent_to:
                campaign.sent_to[contact_id] = None
                self._tell(campaign, contact_id, "sent", campaign.sent_at)

    def open(self, campaign_id: str, contact_id: str, *, at: datetime) -> None:
        """A member's mail was opened; the member's record stays as it is."""
        self._act(campaign_id, contact_id, {"action": "open", "timestamp": instant_text(at)}, at)
        self._tell(self._campaigns[campaign_id], contact_id, "open", at)

    def click(self, campaign_id: str, contact_id: str, url: str, *, at: datetime) -> None:
        """A member's link was clicked; the member's record stays as it is."""
        self._act(campaign_id, contact_id, {"action": "click", "timestamp": instant_text(at), "url": url}, at)
        self._tell(self._campaigns[campaign_id], contact_id, "click", at, link_clicked=url)

    def bounce(self, campaign_id: str, contact_id: str, kind: str, *, at: datetime) -> None:
        """A member's mail came back; after a hard bounce the member is cleaned."""
        with self._lock:
            self._act(campaign_id, contact_id, {"action": "bounce", "timestamp": instant_text(at), "type": kind}, at)
            campaign = self._campaigns[campaign_id]
            self._tell(campaign, contact_id, "bounce", at, bounce_type=kind, bounce_has_open_activity=False)
            if kind == "hard":
                self.update_member(campaign.list_id, contact_id, at=at, status="cleaned")

    def unsubscribe(
        self,
        list_id: str,
        contact_id: str,
        *,
        at: datetime,
        reason: str = "None given",
        campaign_id: str | None = None,
        by_admin: bool = False,
    ) -> None:
        """A member unsubscribes, from a campaign or from the account's own page."""
        with self._lock:
            self.update_member(list_id, contact_id, at=at, status="unsubscribed", unsubscribe_reason=reason)
            told = {"is_admin_unsubscribed": by_admin, "unsubscribe_reason": reason}
            if campaign_id is None:
                self.add_activity(list_id, contact_id, "unsub", at=at, **told)
                return
            campaign = self._campaigns[campaign_id]
            self.deliver(campaign_id, contact_id)
            self._tell(campaign, contact_id, "unsub", at, **told)
            member = self._audiences[list_id].members[contact_id]
            campaign.unsubscribes.append(
                {
                    "email_id": subscriber_hash(member.email),
                    "email_address": member.email,
                    "merge_fields": member.values["merge_fields"],
                    "vip": False,
                    "timestamp": instant_text(at),
                    "reason": reason,
                    "campaign_id": campaign_id,
                    "list_id": list_id,
                    "list_is_active": True,
                    "_links": [],
                }
            )

    def complain(self, campaign_id: str, contact_id: str, *, at: datetime) -> None:
        """A member marks a campaign as spam: an abuse report, and the member is unsubscribed."""
        with self._lock:
            campaign = self._campaigns[campaign_id]
            list_id = campaign.list_id
            self.unsubscribe(list_id, contact_id, at=at, reason="marked as spam", campaign_id=campaign_id)
            member = self._audiences[list_id].members[contact_id]
            campaign.abuse_reports += 1
            self._audiences[list_id].abuse_reports.append(
                {
                    "id": next(self._ids),
                    "campaign_id": campaign_id,
                    "list_id": list_id,
                    "email_id": subscriber_hash(member.email),
                    "email_address": member.email,
                    "merge_fields": member.values["merge_fields"],
                    "vip": False,
                    "date": instant_text(at),
                    "_links": [],
                }
            )

    def delete_member(self, list_id: str, contact_id: str) -> None:
        """Deletes a member for good."""
        with self._lock:
            del self._audiences[list_id].members[contact_id]

    def add_malformed(self, list_id: str, item: Any) -> None:
        """An item that breaks the protocol, listed after all members of an audience."""
        with self._lock:
            self._audiences[list_id].malformed.append(item)

    def _act(self, campaign_id: str, contact_id: str, action: dict[str, Any], at: datetime) -> None:
        with self._lock:
            self.deliver(campaign_id, contact_id)
            action = {**action, "ip": "198.51.100.7"} if action["action"] != "bounce" else action
            self._campaigns[campaign_id].actions.append((contact_id, at, action))

    def _tell(self, campaign: Campaign, contact_id: str, kind: str, at: datetime, **more: Any) -> None:
        named = {"campaign_id": campaign.id, "campaign_title": campaign.title}
        self.add_activity(campaign.list_id, contact_id, kind, at=at, **named, **more)

    # The answers

    def connect(self) -> bool:
        """Counts a connection in; False where there are too many."""
        with self._lock:
            self._connections += 1
            return self._connections <= CONNECTIONS

    def disconnect(self) -> None:
        """Counts a connection out."""
        with self._lock:
            self._connections -= 1

    def answer(self, method: str, path: str, query: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Status and body of the answer to one request."""
        with self._lock:
            self.requests.append((path, query))
            try:
                if not self._is_authorised(authorization):
                    detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
                    raise _Refused(401, "API Key Invalid", detail)
                if method != "GET":
                    raise _Refused(405, "Method Not Allowed", "The requested method and resource are not compatible.")
                answer = self._route(path.strip("/").split("/"), query)
                return 200, _reduced(answer, query.get("fields"), query.get("exclude_fields"))
            except _Refused as refusal:
                return refusal.status, refusal.body

    def next_fault(self, path: str) -> Fault | None:
        """The first queued fault that fits a path, taken out of the queue."""
        with self._lock:
            for fault in self.faults:
                if path.endswith(fault.path):
                    self.faults.remove(fault)
                    return fault
        return None

    def _is_authorised(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        try:
            _, _, password = base64.b64decode(token).decode().partition(":")
        except ValueError:
            return False
        return scheme == "Basic" and password == self._key

    def _route(self, parts: Sequence[str], query: dict[str, str]) -> dict[str, Any]:
        match parts:
            case ["3.0", "lists"]:
                return self._lists(query)
            case ["3.0", "lists", list_id, "members"]:
                return self._members(self._audience(list_id), query)
            case ["3.0", "lists", list_id, "members", digest, "activity-feed"]:
                return self._activity_feed(self._audience(list_id), digest, query)
            case ["3.0", "lists", list_id, "abuse-reports"]:
                reports = self._audience(list_id).abuse_reports
                return {**_page("abuse_reports", reports, query), "list_id": list_id}
            case ["3.0", "reports"]:
                return self._reports(query)
            case ["3.0", "reports", campaign_id, "email-activity"]:
                return self._email_activity(self._campaign(campaign_id), query)
            case ["3.0", "reports", campaign_id, "unsubscribed"]:
                unsubscribes = self._campaign(campaign_id).unsubscribes
                return {**_page("unsubscribes", unsubscribes, query), "campaign_id": campaign_id}
        raise _not_found()

    def _audience(self, list_id: str) -> Audience:
        if list_id not in self._audiences:
            raise _not_found()
        return self._audiences[list_id]

    def _campaign(self, campaign_id: str) -> Campaign:
        if campaign_id not in self._campaigns:
            raise _not_found()
        return self._campaigns[campaign_id]

    def _lists(self, query: dict[str, str]) -> dict[str, Any]:
        audiences = sorted(self._audiences.values(), key=lambda audience: (audience.created_at, audience.id))
        if query.get("sort_dir", "ASC") == "DESC":
            audiences.reverse()
        shown = [self._shown_list(number, audience) for number, audience in enumerate(audiences, start=1)]
        return _page("lists", shown, query)

    def _shown_list(self, number: int, audience: Audience) -> dict[str, Any]:
        statuses = [member.status for member in audience.members.values()]
        return {
            "id": audience.id,
            "web_id": number,
            "name": audience.name,
            "permission_reminder": "You signed up on our site.",
            "date_created": instant_text(audience.created_at),
            "double_optin": audience.double_optin,
            "marketing_permissions": any("marketing_permissions" in one.values for one in audience.members.values()),
            "visibility": "prv",
            "stats": {
                "member_count": statuses.count("subscribed"),
                "unsubscribe_count": statuses.count("unsubscribed"),
                "cleaned_count": statuses.count("cleaned"),
            },
            "_links": [],
        }

    def _members(self, audience: Audience, query: dict[str, str]) -> dict[str, Any]:
        status = query.get("status")
        if status is not None and status not in _STATUSES:
            raise _invalid(f"status must be one of {', '.join(_STATUSES)}")
        since, before = _moment_of(query, "since_last_changed"), _moment_of(query, "before_last_changed")
        found = [
            member
            for member in audience.members.values()
            # Mailchimp leaves archived members out unless they are asked for
            if (member.status == status if status is not None else member.status != "archived")
            and (since is None or member.changed_at > since)
            and (before is None or member.changed_at < before)
        ]
        if query.get("sort_field") == "last_changed":
            found.sort(key=lambda member: member.changed_at, reverse=query.get("sort_dir") == "DESC")
        shown: list[Any] = [self._shown_member(audience, member) for member in found]
        if status is None:
            shown += audience.malformed
        return {**_page("members", shown, query), "list_id": audience.id}

    def _shown_member(self, audience: Audience, member: Member) -> dict[str, Any]:
        merge_fields = member.values["merge_fields"]
        acts = [told["activity_type"] for _, told in member.activity]
        shown = {
            "id": subscriber_hash(member.email),
            "email_address": member.email,
            "unique_email_id": hashlib.sha256(member.email.encode()).hexdigest()[:10],
            "contact_id": member.contact_id,
            "full_name": f"{merge_fields['FNAME']} {merge_fields['LNAME']}".strip(),
            "web_id": member.web_id,
            "email_type": "html",
            "status": member.status,
            "consents_to_one_to_one_messaging": True,
            "interests": {},
            "stats": {
                "avg_open_rate": round(acts.count("open") / max(1, acts.count("sent")), 4),
                "avg_click_rate": round(acts.count("click") / max(1, acts.count("sent")), 4),
            },
            "member_rating": 2,
            "last_changed": instant_text(member.changed_at),
            "language": "nl",
            "vip": False,
            "email_client": "",
            "location": {"latitude": 0, "longitude": 0, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": ""},
            "tags_count": 0,
            "tags": [],
            "list_id": audience.id,
            "_links": [],
            **member.values,
        }
        if member.status != "unsubscribed":
            shown.pop("unsubscribe_reason", None)
        return shown

    def _activity_feed(self, audience: Audience, digest: str, query: dict[str, str]) -> dict[str, Any]:
        for member in audience.members.values():
            # an archived member has no feed
            if digest in (subscriber_hash(member.email), member.contact_id) and member.status != "archived":
                told = [told for _, told in sorted(member.activity, key=lambda one: one[0], reverse=True)]
                page = _page("activity", told, query)
                del page["total_items"]  # the feed gives none
                return {**page, "email_id": subscriber_hash(member.email), "list_id": audience.id}
        raise _not_found()

    def _reports(self, query: dict[str, str]) -> dict[str, Any]:
        since, before = _moment_of(query, "since_send_time"), _moment_of(query, "before_send_time")
        found = [
            campaign
            for campaign in sorted(self._campaigns.values(), key=lambda one: one.sent_at, reverse=True)
            if (since is None or campaign.sent_at > since) and (before is None or campaign.sent_at < before)
        ]
        return _page("reports", [self._shown_report(campaign) for campaign in found], query)

    def _shown_report(self, campaign: Campaign) -> dict[str, Any]:
        moments: dict[str, list[datetime]] = {"open": [], "click": [], "bounce": []}
        bounces = {"hard": 0, "soft": 0}
        for _, at, action in campaign.actions:
            moments[action["action"]].append(at)
            if action["action"] == "bounce":
                bounces[action["type"]] += 1
        return {
            "id": campaign.id,
            "campaign_title": campaign.title,
            "type": "regular",
            "list_id": campaign.list_id,
            "list_is_active": True,
            "list_name": self._audiences[campaign.list_id].name,
            "subject_line": campaign.title,
            "preview_text": "",
            "emails_sent": len(campaign.sent_to),
            "abuse_reports": campaign.abuse_reports,
            "unsubscribed": len(campaign.unsubscribes),
            "send_time": instant_text(campaign.sent_at),
            "bounces": {"hard_bounces": bounces["hard"], "soft_bounces": bounces["soft"], "syntax_errors": 0},
            "opens": {
                "opens_total": len(moments["open"]),
                "last_open": instant_text(max(moments["open"], default=None)),
            },
            "clicks": {
                "clicks_total": len(moments["click"]),
                "last_click": instant_text(max(moments["click"], default=None)),
            },
            "share_report": {"share_url": "https://reports.example", "share_password": "geheim"},
            "_links": [],
        }

    def _email_activity(self, campaign: Campaign, query: dict[str, str]) -> dict[str, Any]:
        """Everybody whom it was sent to; with `since`, those alone who did something after it."""
        since = _moment_of(query, "since")
        members = self._audiences[campaign.list_id].members
        shown = []
        for contact_id in campaign.sent_to:
            done = [
                action for who, at, action in campaign.actions if who == contact_id and (since is None or at > since)
            ]
            if contact_id not in members or (since is not None and not done):
                continue
            email = members[contact_id].email
            shown.append(
                {
                    "campaign_id": campaign.id,
                    "list_id": campaign.list_id,
                    "list_is_active": True,
                    "email_id": subscriber_hash(email),
                    "email_address": email,
                    "activity": done,
                    "_links": [],
                }
            )
        return {**_page("emails", shown, query), "campaign_id": campaign.id}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # The default of five refuses connections when several clients come at once.
    request_queue_size = 128


def _handler_of(account: MailchimpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            try:
                if account.connect():
                    self._answer()
                else:
                    self._refuse(Fault(429))
            finally:
                account.disconnect()

        def _answer(self) -> None:
            split = urlsplit(self.path)
            query = {name: ",".join(values) for name, values in parse_qs(split.query).items()}
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = account.next_fault(split.path)
            if fault is not None and not fault.half:
                self._refuse(fault)
                return
            authorization = self.headers.get("Authorization", "")
            status, answer = account.answer(self.command, split.path, query, authorization)
            self._send(status, document.spelled(answer), half=fault is not None)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815

        def _refuse(self, fault: Fault) -> None:
            titles = {
                403: ("Forbidden", "You are not permitted to access this resource."),
                404: ("Resource Not Found", "The requested resource could not be found."),
                429: ("Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."),
            }
            title, detail = titles.get(
                fault.status, ("Internal Server Error", "An unexpected internal error occurred.")
            )
            content = b"" if fault.bare else json.dumps(problem(fault.status, title, detail)).encode()
            self._send(fault.status, content, retry_after=fault.retry_after)

        def _send(self, status: int, content: bytes, *, half: bool = False, retry_after: str | None = None) -> None:
            self.send_response(status)
            kind = "application/json" if status < 400 else "application/problem+json"
            self.send_header("Content-Type", f"{kind}; charset=utf-8" if content else "text/html")
            self.send_header("Content-Length", str(len(content)))
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if half else content)
            if half:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing: a path may hold the digest of an e-mail address."""

    return Handler


def _not_found() -> _Refused:
    return _Refused(404, "Resource Not Found", "The requested resource could not be found.")


def _invalid(detail: str) -> _Refused:
    return _Refused(400, "Invalid Resource", detail)


def _page(key: str, items: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
    size, offset = query.get("count", "10"), query.get("offset", "0")
    if not size.isdigit() or not 1 <= int(size) <= HIGHEST_COUNT:
        raise _invalid(f"count must be from 1 to {HIGHEST_COUNT}")
    if not offset.isdigit():
        raise _invalid("offset must be a number")
    shown = list(items[int(offset) : int(offset) + int(size)])
    return {key: shown, "total_items": len(items), "_links": []}


def _moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        # a plus that was not escaped arrives as a blank
        at = datetime.fromisoformat(query[name].replace(" ", "+"))
    except ValueError:
        raise _invalid(f"{name} must be a date and time") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _reduced(answer: dict[str, Any], fields: str | None, excluded: str | None) -> dict[str, Any]:
    """An answer with the asked fields alone, or without the excluded ones; a dot leads into a part."""
    if fields:
        kept: dict[str, Any] = _only(answer, [name.split(".") for name in fields.split(",")])
        return kept
    if excluded:
        answer = copy.deepcopy(answer)
        for name in excluded.split(","):
            _without(answer, name.split("."))
    return answer


def _only(node: Any, paths: Sequence[Sequence[str]]) -> Any:
    if isinstance(node, list):
        return [_only(item, paths) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for name in dict.fromkeys(path[0] for path in paths):
        deeper = [path[1:] for path in paths if path[0] == name]
        if name in node:
            kept[name] = node[name] if [] in deeper else _only(node[name], deeper)
    return kept


def _without(node: Any, path: Sequence[str]) -> None:
    for item in node if isinstance(node, list) else [node]:
        if isinstance(item, dict) and len(path) == 1:
            item.pop(path[0], None)
        elif isinstance(item, dict):
            _without(item.get(path[0]), path[1:])


# The sample account


def populate(server: MailchimpServer, people: Iterable[Person], today: date) -> None:
    """Fills an account, always alike: seven of ten persons, with every state that a real account holds.

    Dates count back from `today`; some consents are near the end of their 24 months, and a click keeps some alive.
    """
    server.add_list(NEWSLETTER, "Noord nieuwsbrief", at=_moment(today, 1500))
    server.add_list(EVENTS, "Noord evenementen", at=_moment(today, 1400), double_optin=True)
    for number in range(1, 31):
        sent_at = _moment(today, 30 * number)
        for list_id, name in ((NEWSLETTER, "Nieuwsbrief"), (EVENTS, "Uitnodiging")):
            server.add_campaign(_campaign_of(list_id, number), list_id, f"{name} {sent_at:%Y-%m-%d}", sent_at=sent_at)
    known = [person for person in people if person.index % 10 in (0, 1, 2, 4, 5, 6, 8)]
    for place, person in enumerate(known):
        _add_person(server, person, place, today)


def _campaign_of(list_id: str, number: int) -> str:
    """The id of the campaign that was sent 30 days times `number` ago."""
    return hashlib.sha256(f"{list_id}/{number}".encode()).hexdigest()[:10]


def _add_person(server: MailchimpServer, person: Person, place: int, today: date) -> None:
    story = place % 20
    list_id = EVENTS if story in (4, 5, 6, 7) else NEWSLETTER
    signed_up_on = today - timedelta(days=100 + (place * 37) % 500)
    if story in (0, 1, 2, 3, 5):
        # falls due: anchored 24 months ago and 5 to 55 days, seen from the renewal window of 60 days
        signed_up_on = _months_before(today, 24) + timedelta(days=5 + (place * 11) % 51)
    elif story == 6:
        signed_up_on = today - timedelta(days=3)
    elif story in (13, 14):
        signed_up_on = today - timedelta(days=780 + (place * 13) % 300)
    signed_up_at = datetime.combine(signed_up_on, day_time(9 + place % 8, (place * 7) % 60), UTC)
    opted_in_at = signed_up_at + timedelta(hours=1) if list_id == EVENTS else signed_up_at
    person_ip = f"192.0.2.{1 + person.index % 200}"
    merge_fields = _merge_fields_of(person)
    address = {"addr1": f"Dorpsstraat {person.house_number}", "addr2": "", "city": "Delft", "state": ""}
    merge_fields["ADDRESS"] = {**address, "zip": person.postcode, "country": person.country}

    if story == 11:
        imported_at = _moment(today, 400 + place)
        server.add_member(
            list_id, person.email, at=imported_at, opt_at=imported_at, ip_opt=IMPORTER_IP,
            origin="Import from beurs.csv", merge_fields=merge_fields,
        )  # fmt: skip
        return
    is_pending = story in (6, 7)
    contact_id = server.add_member(
        list_id,
        person.email,
        at=signed_up_at if is_pending else opted_in_at,
        status="pending" if is_pending else "subscribed",
        signup_at=signed_up_at,
        ip_signup=person_ip,
        opt_at=None if is_pending else opted_in_at,
        ip_opt="" if is_pending else person_ip,
        merge_fields=merge_fields,
        permissions={PERMISSION: False} if story == 19 else {PERMISSION: True} if story == 17 else None,
    )
    _live(server, list_id, contact_id, story, place, today)


def _live(server: MailchimpServer, list_id: str, contact_id: str, story: int, place: int, today: date) -> None:
    """What happened to a member after it signed up."""
    number = 1 + place % 3
    campaign_id, sent_at = _campaign_of(list_id, number), _moment(today, 30 * number)
    page = "https://noord.example/nieuws"
    happened = {
        2: lambda: server.click(campaign_id, contact_id, f"{page}/1", at=sent_at + timedelta(hours=3)),
        8: lambda: server.unsubscribe(list_id, contact_id, at=sent_at + timedelta(hours=5), campaign_id=campaign_id),
        9: lambda: server.unsubscribe(
            list_id, contact_id, at=_moment(today, 2 + place % 9), reason=BY_ADMIN, by_admin=True
        ),
        10: lambda: server.bounce(campaign_id, contact_id, "hard", at=sent_at + timedelta(minutes=2)),
        12: lambda: server.complain(campaign_id, contact_id, at=sent_at + timedelta(hours=6)),
        13: lambda: server.open(campaign_id, contact_id, at=sent_at + timedelta(hours=2)),
        14: lambda: server.click(campaign_id, contact_id, f"{page}/1", at=sent_at + timedelta(hours=9)),
        15: lambda: server.update_member(list_id, contact_id, at=_moment(today, 5 + place % 20), status="archived"),
        16: lambda: server.bounce(campaign_id, contact_id, "soft", at=sent_at + timedelta(minutes=3)),
        17: lambda: server.click(campaign_id, contact_id, f"{page}/2", at=sent_at + timedelta(hours=4)),
        18: lambda: server.update_member(
            list_id, contact_id, at=_moment(today, 8), email=f"nieuw.{place}@post.example"
        ),
    }  # fmt: skip
    if story == 3:
        # machines at work: one follows every link at once, another comes two seconds after the mail
        if place // 20 % 2:
            server.click(campaign_id, contact_id, f"{page}/1", at=sent_at + timedelta(seconds=2))
        else:
            for link in range(1, 5):
                moment = sent_at + timedelta(seconds=30 + 2 * link)
                server.click(campaign_id, contact_id, f"{page}/{link}", at=moment)
    elif story in happened:
        act: Callable[[], None] = happened[story]
        act()


def _merge_fields_of(person: Person) -> dict[str, Any]:
    return {
        "FNAME": person.first_name,
        "LNAME": person.last_name,
        "COMPANY": person.company,
        "PHONE": person.phone,
    }


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28))


def _moment(today: date, days_ago: int) -> datetime:
    return datetime.combine(today - timedelta(days=days_ago), day_time(8), UTC)
