"""One polite HTTP client for all web sources: retries, `Retry-After`, time-outs, whole answers or none."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from optkeeper.landing import document

ATTEMPTS = 8
LONGEST_WAIT_SECONDS = 120.0
# a time-out, a lock, too early, too many, and HubSpot's 477 while an account moves to another data centre
_PASSING = (408, 423, 425, 429, 477)

# Its lines show whole addresses, and those of some sources hold a digest of a person's e-mail address.
logging.getLogger("httpx").setLevel(logging.WARNING)


class SourceError(Exception):
    """A source refused or broke its protocol. The text names source, request path and status, never a payload.

    Attributes:
        status: the HTTP status of a refusal, else None.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class _Retryable(Exception):
    def __init__(self, problem: str, wait_seconds: float | None = None) -> None:
        super().__init__(problem)
        self.wait_seconds = wait_seconds


def _retry_after(response: httpx.Response) -> float | None:
    value: str = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, float((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()))
    except (TypeError, ValueError):
        return None


class HttpClient:
    """Sends requests for one source and decodes their JSON exactly, repeated keys too.

    408, 423, 425, 429, 477 and 5xx answers, time-outs and half answers are tried again, after `Retry-After` where the
    server says so and after a growing, jittered pause where not; 401, 403 and other 4xx are errors at once.

    Args:
        name: the source, for error texts.
        base_url: scheme, host and port.
        headers: sent with each request (authorisation).
        transport: for tests.
        sleep: for tests; waits that many seconds.
        pause: called with each good answer before it is returned, so that a connector can slow down by
            the rate-limit headers of its protocol; answers the seconds to wait.
        exhausted: called with each 429, so that a connector can tell a limit that no waiting helps
            against (a daily quota); answers what is used up, or None to wait and try again.
        throttled: called with each 403, so that a connector can tell a limit that its protocol puts that way;
            answers whether to wait and try again.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        auth: tuple[str, str] | None = None,
        timeout_seconds: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pause: Callable[[httpx.Response], float] | None = None,
        exhausted: Callable[[httpx.Response], str | None] | None = None,
        throttled: Callable[[httpx.Response], bool] | None = None,
    ) -> None:
        self._name = name
        self._sleep = sleep
        self._pause = pause
        self._exhausted = exhausted
        self._throttled = throttled
        self._client = httpx.Client(
            base_url=base_url, headers=dict(headers or {}), auth=auth, timeout=timeout_seconds, transport=transport
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, shown: str | None = None) -> Any:
        """The decoded JSON body of a GET; `shown` stands for the path in errors, where the path tells of a person."""
        return self.request("GET", path, params=params, shown=shown)

    def post(self, path: str, body: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The decoded JSON body of a POST of a JSON document."""
        return self.request("POST", path, params=params, body=body)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        shown: str | None = None,
    ) -> Any:
        """The decoded JSON body of one request.

        Raises:
            SourceError: the source refuses, or still fails after the last attempt.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_Retryable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, method, path, params, body, shown or path)
        except _Retryable as problem:
            raise SourceError(
                f"{self._name}: {method} {shown or path} failed {ATTEMPTS} times, last: {problem}"
            ) from None

    @staticmethod
    def _wait(state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        if isinstance(problem, _Retryable) and problem.wait_seconds is not None:
            return min(problem.wait_seconds, LONGEST_WAIT_SECONDS)
        return min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5))

    def _once(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, shown: str) -> Any:
        content = None if body is None else document.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            response = self._client.request(method, path, params=params, content=content, headers=headers)
        except (httpx.TransportError, httpx.DecodingError) as problem:
            raise _Retryable(type(problem).__name__) from None
        if response.status_code == 429 and self._exhausted is not None:
            used_up = self._exhausted(response)
            if used_up is not None:
                raise SourceError(f"{self._name}: {method} {shown} was refused: {used_up}", 429)
        is_throttled = response.status_code == 403 and self._throttled is not None and self._throttled(response)
        if response.status_code in _PASSING or response.status_code >= 500 or is_throttled:
            raise _Retryable(f"status {response.status_code}", _retry_after(response))
        if response.status_code >= 400:
            status = response.status_code
            raise SourceError(f"{self._name}: {method} {shown} was refused with status {status}", status)
        try:
            decoded = document.decode_repeating(response.content)
        except document.MalformedDocument:
            raise _Retryable("an answer that is not whole JSON") from None
        if isinstance(decoded, document.Repeating):
            raise _Retryable("an answer that repeats a key")  # of a record in it the connector judges
        if self._pause is not None:
            wait = self._pause(response)
            if wait > 0:
                self._sleep(wait)
        return decoded

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
