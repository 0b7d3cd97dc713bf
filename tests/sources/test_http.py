"""The client is patient where patience helps, and says at once where it does not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from optkeeper.sources.http import ATTEMPTS, LONGEST_WAIT_SECONDS, HttpClient, SourceError

Answer = Callable[[], httpx.Response]


def client_of(answers: list[Answer], waits: list[float], **settings: object) -> HttpClient:
    """A client that is given these answers one after another and notes how long it would wait."""
    left = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        return next(left)()

    return HttpClient(
        "crm",
        "http://crm.example",
        transport=httpx.MockTransport(answer),
        sleep=waits.append,
        **settings,  # type: ignore[arg-type]
    )


def fine() -> httpx.Response:
    return httpx.Response(200, json={"total": 1})


def broken_off() -> httpx.Response:
    raise httpx.RemoteProtocolError("peer closed connection")


def test_numbers_come_exactly_as_they_were_spelled() -> None:
    exact = b'{"id": 12345678901234567890, "price": 1.10}'
    decoded = client_of([lambda: httpx.Response(200, content=exact)], []).get("/x")
    assert decoded["id"] == 12345678901234567890
    assert str(decoded["price"]) == "1.10"


@pytest.mark.parametrize(
    "failing",
    [
        lambda: httpx.Response(429),
        *(lambda status=status: httpx.Response(status) for status in (408, 423, 425, 477)),
        lambda: httpx.Response(500),
        lambda: httpx.Response(503),
        lambda: httpx.Response(200, content=b'{"total": '),
        broken_off,
    ],
)
def test_what_passes_is_tried_again(failing: Answer) -> None:
    waits: list[float] = []
    assert client_of([failing, failing, fine], waits).get("/x") == {"total": 1}
    assert len(waits) == 2


def test_a_delay_in_seconds_is_kept_to() -> None:
    waits: list[float] = []
    client_of([lambda: httpx.Response(429, headers={"Retry-After": "2.5"}), fine], waits).get("/x")
    assert waits == [2.5]


def test_a_delay_until_a_moment_is_kept_to() -> None:
    waits: list[float] = []
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    client_of([lambda: httpx.Response(503, headers={"Retry-After": moment}), fine], waits).get("/x")
    assert 50 < waits[0] <= 60


def test_an_absurd_delay_is_cut() -> None:
    waits: list[float] = []
    client_of([lambda: httpx.Response(429, headers={"Retry-After": "86400"}), fine], waits).get("/x")
    assert waits == [LONGEST_WAIT_SECONDS]


def test_after_the_last_attempt_the_error_names_source_and_path_and_no_content() -> None:
    failing = [lambda: httpx.Response(500, text="anna@firma.example")] * ATTEMPTS
    with pytest.raises(SourceError) as error:
        client_of(failing, []).get("/x")
    assert str(error.value) == "crm: GET /x failed 8 times, last: status 500"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    waits: list[float] = []
    with pytest.raises(SourceError, match=f"crm: POST /x was refused with status {status}"):
        client_of([lambda: httpx.Response(status)], waits).post("/x", {})
    assert waits == []


def test_a_quota_that_no_waiting_helps_against_is_an_error_at_once() -> None:
    waits: list[float] = []
    client = client_of([lambda: httpx.Response(429)], waits, exhausted=lambda _: "the day's quota is used up")
    with pytest.raises(SourceError, match="crm: GET /x was refused: the day's quota is used up"):
        client.get("/x")
    assert waits == []


def test_a_429_that_exhausts_nothing_is_tried_again() -> None:
    waits: list[float] = []
    client = client_of([lambda: httpx.Response(429), fine], waits, exhausted=lambda _: None)
    assert client.get("/x") == {"total": 1}
    assert len(waits) == 1


def test_a_connector_can_slow_down_after_a_good_answer() -> None:
    waits: list[float] = []
    client_of([fine], waits, pause=lambda response: 3.0 if response.status_code == 200 else 0.0).get("/x")
    assert waits == [3.0]


@pytest.mark.parametrize("is_throttle", [True, False])
def test_a_403_is_tried_again_only_where_the_connector_takes_it_for_a_throttle(is_throttle: bool) -> None:
    waits: list[float] = []
    client = client_of([lambda: httpx.Response(403), fine], waits, throttled=lambda _: is_throttle)
    if is_throttle:
        assert client.get("/x") == {"total": 1}
    else:
        with pytest.raises(SourceError, match="GET /x was refused with status 403") as refused:
            client.get("/x")
        assert refused.value.status == 403
    assert len(waits) == is_throttle


@pytest.mark.parametrize("status", [404, 503])
def test_a_path_that_tells_of_a_person_is_not_shown_in_errors(status: int) -> None:
    client = client_of([lambda: httpx.Response(status)] * ATTEMPTS, [])
    with pytest.raises(SourceError, match="GET /people/{person}") as refused:
        client.get("/people/anna", shown="/people/{person}")
    assert "anna" not in str(refused.value)


def test_request_lines_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        client_of([fine], []).get("/people/anna")
    assert "anna" not in caplog.text
