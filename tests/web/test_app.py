"""The pages, asked for as a browser does; only who may see them is made up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.api_fastapi.core_api import security
from fastapi.testclient import TestClient
from jwt import InvalidTokenError
from optkeeper import heartbeat, steps
from optkeeper.delivery import ledger
from optkeeper.delivery.deliver import deliver
from optkeeper.gate.ledger import ensure_gate
from optkeeper.warehouse import database
from optkeeper.web import app as module
from optkeeper.web import today

from tests.delivery import marts

Connection = psycopg.Connection[Any]


class _Airflow:
    """An auth manager that knows an officer, who may see everything, and a visitor, who may not see the lists."""

    async def get_user_from_token(self, token: str) -> str:
        if token not in ("officer", "visitor"):
            raise InvalidTokenError
        return token

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: str) -> bool:
        return method == "GET" and (user == "officer" or resource_name == module.PAGES)

    def get_url_login(self) -> str:
        return "/auth/login"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTKEEPER_HOME", str(tmp_path / "home"))
    for place in (module, security):
        monkeypatch.setattr(place, "get_auth_manager", _Airflow)
    return tmp_path / "home"


def _browser(user: str | None = "officer") -> TestClient:
    return TestClient(module.app, cookies={"_token": user} if user else {}, follow_redirects=False)


@pytest.fixture
def published(warehouse: Connection, warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    marts.make(warehouse)
    warehouse.execute("create table marts.contacts (contact_id text)")
    warehouse.execute("create table marts.quarantine (record_id bigint)")
    warehouse.execute(
        "create table marts.reach_daily (day date, channel text, purpose text, brand text, reachable int, due int, expired int)"
    )
    for day, reachable in ((marts.TODAY - timedelta(days=1), 900), (marts.TODAY, 1_000)):
        warehouse.execute(
            "insert into marts.reach_daily values (%s, 'email', 'p', 'noord', %s, 5, 7)", (day, reachable)
        )
    ensure_gate(warehouse)
    original = database.connect
    monkeypatch.setattr(database, "connect", lambda url=None: original(url or warehouse_url))
    return warehouse


@pytest.mark.parametrize(
    "path", ["/", "/today", "/gate/index.html", "/marts/index.html", "/lists/x", "/dossiers/", "/dossiers/x"]
)
def test_who_has_not_logged_in_is_sent_to_the_login_and_back(path: str) -> None:
    answer = _browser(None).get(path)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/auth/login?next=http%3A%2F%2Ftestserver")


def test_a_forged_token_opens_nothing() -> None:
    assert _browser("forged").get("/today").status_code == 403


def test_a_list_is_for_those_alone_who_may_see_lists(published: Connection, home: Path) -> None:
    marts.add(published, "c1")
    deliver(published, destination_url=(home / "deliveries").as_uri())
    path = "/lists/renewal_due/2026-03-01/noord/email.xlsx"
    assert _browser("visitor").get(path).status_code == 403
    answer = _browser().get(path)
    assert answer.content == (home / "deliveries/renewal_due/2026-03-01/noord/email.xlsx").read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="renewal_due_2026-03-01_noord_email.xlsx"'
    assert answer.headers["cache-control"] == "no-store"
    assert _browser().get(path.replace(".xlsx", ".import.csv")).headers["content-type"].startswith("text/csv")
    assert _browser().get(path.replace("noord", "zuid/%2e%2e/noord")).status_code == 404
    assert _browser().get(path.replace("2026-03-01", "2026-03-02")).status_code == 404


def test_a_dossier_that_a_run_made_is_for_those_alone_who_may_see_dossiers(home: Path) -> None:
    assert "No run has made a dossier" in _browser().get("/dossiers/").text
    folder = home / "dossiers" / "12" / "20260301T080000Z"
    folder.mkdir(parents=True)
    for name in ("dossier.json", "dossier.pdf", "other.txt"):
        (folder / name).write_text(f"this is {name}")
    path = "/dossiers/12/20260301T080000Z/dossier.pdf"
    for hidden in ("/dossiers/", path):
        assert _browser("visitor").get(hidden).status_code == 403
    listed = _browser().get("/dossiers/").text
    assert 'Request 12, 20260301T080000Z: <a href="12/20260301T080000Z/dossier.pdf">' in listed
    answer = _browser().get(path)
    assert (answer.text, answer.headers["cache-control"]) == ("this is dossier.pdf", "no-store")
    for other in ("other.txt", "%2e%2e/20260301T080000Z/dossier.pdf", ""):
        assert _browser().get(f"/dossiers/12/20260301T080000Z/{other}").status_code == 404


def test_the_gates_pages_are_served_and_nothing_beside_them(home: Path) -> None:
    (home / "gate" / "run-1").mkdir(parents=True)
    (home / "gate" / "run-1" / "index.html").write_text("<h1>Gate of run-1</h1>")
    (home / "secret.html").write_text("secret")
    assert "Gate of run-1" in _browser("visitor").get("/gate/run-1/").text
    for path in (
        "/gate/../secret.html",
        "/gate/%2e%2e/secret.html",
        "/gate/run-1/%2e%2e/%2e%2e/secret.html",
        "/gate//etc/hosts",
    ):
        answer = _browser().get(path)
        assert answer.status_code == 404, path
        assert "secret" not in answer.text


def test_today_tells_freshness_counts_lists_and_mails(published: Connection, home: Path) -> None:
    marts.add(published, "c1")
    marts.make_stale(published, "crm", marts.AS_OF - timedelta(days=3))
    deliver(published, destination_url=(home / "deliveries").as_uri())
    text = " ".join(today.render(today.gather(published, marts.AS_OF)).split())
    assert "Published and delivered." in text
    assert '<td class="number">1,000</td><td class="number">+100' in text
    assert text.index("<td>crm</td>") < text.index("<td>esp</td>")
    assert "2026-02-26 06:30" in text
    assert 'href="lists/renewal_due/2026-03-01/noord/email.xlsx"' in text
    assert "No mail of today was sent yet" in text
    assert "klant.example" not in text


def test_today_is_late_at_seven_where_nothing_of_today_is_published(published: Connection) -> None:
    with ledger.alone(published):
        pass
    tomorrow = marts.AS_OF + timedelta(days=1)  # 06:30
    assert today.gather(published, tomorrow).verdict == "running"
    assert today.gather(published, tomorrow + timedelta(minutes=29)).verdict == "running"
    assert today.gather(published, tomorrow + timedelta(minutes=30)).verdict == "late"
    assert "That is not today" in today.render(today.gather(published, tomorrow))


def test_the_watch_says_what_is_missing_of_a_late_morning(
    published: Connection, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTKEEPER_AS_OF", "2026-03-02")
    with ledger.alone(published):
        pass
    with pytest.raises(
        steps.MorningLate, match="2026-03-02 is not published: the marts were last decided for 2026-03-01"
    ):
        steps.check_morning()
    monkeypatch.setenv("OPTKEEPER_AS_OF", "2026-03-01")
    with pytest.raises(steps.MorningLate, match="lists that lack: noord email, noord phone"):
        steps.check_morning()
    deliver(published, destination_url=(home / "deliveries").as_uri())
    assert steps.check_morning() == {"day": "2026-03-01", "verdict": "done"}


def test_an_installation_that_began_after_seven_is_not_late_that_morning(warehouse: Connection) -> None:
    eight = marts.AS_OF.replace(hour=7)  # 08:00 in Amsterdam
    assert today.gather(warehouse, eight).verdict == "running"
    pull = "insert into raw.pulls (source, started_at, state) values ('crm', %s, 'running')"
    warehouse.execute(pull, (eight - timedelta(minutes=1),))
    assert today.gather(warehouse, eight).verdict == "running"
    warehouse.execute(pull, (eight - timedelta(hours=2),))
    assert today.gather(warehouse, eight).verdict == "late"


def test_today_stands_before_anything_was_published(warehouse: Connection) -> None:
    empty = today.gather(warehouse, datetime(2026, 3, 1, 5, tzinfo=UTC))
    assert (empty.run_id, empty.verdict) == (None, "running")
    assert "Nothing was published yet" in today.render(empty)


def test_the_heartbeat_is_asked_for_without_login_and_says_when_the_morning_is_late(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTKEEPER_AS_OF", "2026-03-01")
    answer = _browser(None).get("/heartbeat")
    assert (answer.status_code, answer.json()["late"]) == (503, True)
    heartbeat.beat("2026-03-01")
    answer = _browser(None).get("/heartbeat")
    assert (answer.status_code, answer.json()["list_date"], answer.json()["late"]) == (200, "2026-03-01", False)
